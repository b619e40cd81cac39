/** An `EventTarget` whose events are known by name. */
export interface TypedTarget<Events extends Record<string, Event>> extends EventTarget {
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: ((event: Events[Name]) => void) | { handleEvent(event: Events[Name]): void } | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: ((event: Events[Name]) => void) | { handleEvent(event: Events[Name]): void } | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
