// Reads a QR code from a picture, as the camera of a phone does.

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

const SCREENSHOT_MS = 3_000;

/** @param {Buffer} png @returns {string | null} the text in it */
export function readCode(png) {
  const { data, width, height } = PNG.sync.read(png);
  return read(data, width, height);
}

/** A code drawn of squares, `true` for the dark ones. @param {boolean[][]} rows @returns {string | null} the text in it */
export function readSquares(rows) {
  const SQUARE = 4;
  const side = rows.length * SQUARE;
  const data = new Uint8Array(4 * side * side).fill(255);
  for (let pixel = 0; pixel < side * side; pixel += 1) {
    const isDark = rows[Math.floor(pixel / side / SQUARE)][Math.floor((pixel % side) / SQUARE)];
    if (isDark) data.fill(0, 4 * pixel, 4 * pixel + 3);
  }
  return read(data, side, side);
}

function read(pixels, width, height) {
  // A phone need not read inverted codes, so ours must not need it.
  return jsQR(new Uint8ClampedArray(pixels), width, height, { inversionAttempts: 'dontInvert' })?.data ?? null;
}

/** The code on the screen. A page that is reloaded meanwhile can swallow a screenshot: there is another try. @param {import('playwright-core').Page} page */
export async function readScreen(page) {
  const png = await page.screenshot({ timeout: SCREENSHOT_MS }).catch((error) => {
    if (error.name !== 'TimeoutError') throw error;
  });
  return png ? readCode(png) : null;
}
