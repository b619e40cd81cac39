// The element, without any effect on the page that imports it.

export { ScanLoginElement, define } from './scan-login-element.js';

/** @typedef {import('./events.d.ts').ScanLoginElementEvents} ScanLoginElementEvents */
