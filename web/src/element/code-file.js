// The code as a picture file, for the phone's album.

/** Pixels to a module: sharp, and large enough for any album scanner. */
const MODULE_PX = 16;
const NAME = 'wechat-sign-in.png';

/**
 * Saves the gateway's drawing, its quiet zone included.
 * @param {Document} document
 * @param {string} svg
 */
export async function saveCode(document, svg) {
  const side = Number(/viewBox="0 0 (\d+) \d+"/.exec(svg)?.[1]) * MODULE_PX;
  if (!side) throw new TypeError('not a drawing of a code');
  const png = await draw(document, svg.replace('<svg ', `<svg width="${side}" height="${side}" `), side);
  const link = document.createElement('a');
  link.download = NAME;
  link.href = URL.createObjectURL(png);
  link.click();
  // The download has begun by then; the address is good for nothing else.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {Document} document @param {string} svg @param {number} side @returns {Promise<Blob>} */
async function draw(document, svg, side) {
  const image = document.createElement('img');
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  canvas.getContext('2d')?.drawImage(image, 0, 0, side, side);
  return new Promise((resolve, reject) => {
    canvas.toBlob((png) => (png ? resolve(png) : reject(new Error('no picture'))), 'image/png');
  });
}
