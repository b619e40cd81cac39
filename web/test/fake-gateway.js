// Plays the gateway's end of the sockets that a page opens.

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

export class FakeGateway {
  /** Every socket dialled, the oldest first. */
  sockets = [];
  #scenes = 0;
  /** How far its clock is ahead of the page's. */
  ahead = 0;

  constructor(clock) {
    this.clock = clock;
    const gateway = this;
    this.WebSocket = class {
      readyState = 0;
      sent = [];
      closedWith = undefined;

      constructor(url, protocols) {
        this.url = url;
        this.protocols = protocols;
        gateway.sockets.push(this);
      }

      send(text) {
        this.sent.push(JSON.parse(text));
      }

      close(code) {
        this.readyState = 3;
        this.closedWith = code;
      }
    };
  }

  now() {
    return this.clock.now() + this.ahead;
  }

  get last() {
    return this.sockets.at(-1);
  }

  /** What the newest socket said, without its heartbeat. */
  get commands() {
    return this.last.sent.filter((command) => command.type !== 'pong');
  }

  open(socket = this.last) {
    socket.readyState = 1;
    socket.onopen?.();
  }

  say(event, socket = this.last) {
    socket.onmessage?.({ data: typeof event === 'string' ? event : JSON.stringify(event) });
  }

  hello(more = {}) {
    this.say({ type: 'hello', v: 1, now: this.now(), ping_interval_ms: 25_000, node: 'a1', ...more });
  }

  /** Opens and says hello, as a healthy gateway does. */
  welcome() {
    this.open();
    this.hello();
  }

  refuse(code, name, more = {}) {
    this.say({ type: 'error', error: { code, name, message: `${name}.`, retryable: code >= 42900, ...more.error }, ref: more.ref ?? 'start' });
  }

  close(code, socket = this.last) {
    socket.readyState = 3;
    socket.onclose?.({ code });
  }

  pending({ left = 120_000, ...more } = {}) {
    this.#scenes += 1;
    const scene = `scene-${this.#scenes}`;
    const qr = { text: `https://login.example.com/s/${scene}`, svg: '<svg xmlns="http://www.w3.org/2000/svg"/>' };
    return this.state('pending', 1, { scene, secret: `secret-${this.#scenes}`, flow: 'h5', qr, expires_at: this.now() + left, ...more });
  }

  state(type, seq, more = {}) {
    const live = ['pending', 'scanned', 'verifying', 'authorized'].includes(type);
    return {
      type, seq, scene: `scene-${this.#scenes}`, at: this.now(), trace_id: TRACE,
      ...(live && { expires_at: this.now() + 180_000 }), ...more,
    };
  }
}
