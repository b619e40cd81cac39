import type { Authorized, WireError } from '../sdk/protocol.js';
import type { LoginEvents } from '../sdk/scan-login.js';
import type { Config } from './offer.js';
import type { ScanLoginElement } from './scan-login-element.js';

/** The events of the element, by name. */
export interface ScanLoginElementEvents extends Omit<LoginEvents, 'authorized'> {
  authorized: CustomEvent<Authorized & { verifier?: string }>;
  error: CustomEvent<Pick<WireError, 'code' | 'name' | 'message'>>;
  configured: CustomEvent<Config>;
  status: CustomEvent<string>;
  enter: CustomEvent<null>;
}

type All = Omit<HTMLElementEventMap, keyof ScanLoginElementEvents> & ScanLoginElementEvents;
type Listener<Name extends keyof All> = ((event: All[Name]) => void) | { handleEvent(event: All[Name]): void };

/** An element whose events are known by name, as those of HTML are. */
export interface TypedElement extends HTMLElement {
  addEventListener<Name extends keyof All>(type: Name, listener: Listener<Name>, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Name extends keyof All>(type: Name, listener: Listener<Name>, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'scan-login': ScanLoginElement;
  }
}
