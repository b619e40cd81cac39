// Reads a QR code from a picture, as the camera of a phone does.

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

const SCREENSHOT_MS = 3_000;

/** @param {Buffer} png @returns {string | null} the text in it */
export function readCode(png) {
  const { data, width, height } = PNG.sync.read(png);
  // A phone need not read inverted codes, so ours must not need it.
  return jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' })?.data ?? null;
}

/** The code on the screen. A page that is reloaded meanwhile can swallow a screenshot: there is another try. @param {import('playwright-core').Page} page */
export async function readScreen(page) {
  const png = await page.screenshot({ timeout: SCREENSHOT_MS }).catch((error) => {
    if (error.name !== 'TimeoutError') throw error;
  });
  return png ? readCode(png) : null;
}
