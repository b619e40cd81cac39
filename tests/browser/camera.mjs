// Reads a QR code from a picture, as the camera of a phone does.

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

/** @param {Buffer} png @returns {string | null} the text in it */
export function readCode(png) {
  const { data, width, height } = PNG.sync.read(png);
  // A phone need not read inverted codes, so ours must not need it.
  return jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' })?.data ?? null;
}
