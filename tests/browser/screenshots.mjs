// Draws what people see. `node screenshots.mjs readme FOLDER`: the pictures of the README. `node screenshots.mjs states
// FOLDER`: every state of the login page, in both languages and both schemes, to be looked at.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { STATES, reach } from './states.mjs';
import { WORDS } from './words.mjs';

const SCHEMES = ['light', 'dark'];
const SCREEN = { viewport: { width: 640, height: 640 }, deviceScaleFactor: 2 };
const HAND = { viewport: { width: 350, height: 640 }, deviceScaleFactor: 2 };
/** What the names of the README's pictures say of the language. */
const SUFFIX = { en: '', 'zh-CN': '-zh' };
/** A screen and a phone beside each other. */
const FRAMES = `<!doctype html><style>
  body { display: flex; gap: 16px; width: 1026px; margin: 0; padding: 4px; box-sizing: border-box }
  img { display: block; box-sizing: content-box; border: 1px solid #d0d7de; border-radius: 8px }
  img:last-child { border-width: 3px; border-radius: 28px }
</style>`;

/** The login page and the page that asks, as one picture for each scheme. */
async function drawReadme(t, browser, folder, locale) {
  const gateway = await startGateway(t);
  const user = await gateway.addUser({ id: `picture-${locale.toLowerCase()}`, name: '李小龙' });
  const desk = await Desk.open(t, browser, gateway, { locale, ...SCREEN });
  const phone = await Phone.of(t, browser, gateway, user, { locale, ...HAND });
  const code = await desk.code();
  const screens = await shoot(desk.page);
  await phone.scans(code);
  await phone.seesTheRequest();
  const hands = await shoot(phone.page);
  const context = await browser.newContext({ viewport: { width: 1026, height: 656 }, deviceScaleFactor: 2 });
  t.after(() => context.close());
  const page = await context.newPage();
  for (const [index, scheme] of SCHEMES.entries()) {
    const source = (picture) => `data:image/png;base64,${picture.toString('base64')}`;
    await page.setContent(`${FRAMES}<img width="640" src="${source(screens[index])}"><img width="350" src="${source(hands[index])}">`);
    await page.locator('body').screenshot({ path: join(folder, `login${SUFFIX[locale]}-${scheme}.png`), omitBackground: true });
  }
}

async function drawStates(t, browser, folder, locale) {
  for (const name of Object.keys(STATES)) {
    const { page } = await reach(t, browser, name, locale);
    const pictures = await shoot(page);
    for (const [index, scheme] of SCHEMES.entries()) {
      await writeFile(join(folder, `${name}-${locale}-${scheme}.png`), pictures[index]);
    }
    await page.context().close();
  }
}

/** One picture for each scheme. */
async function shoot(page) {
  const pictures = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    pictures.push(await page.screenshot({ animations: 'disabled' }));
  }
  return pictures;
}

const [what, folder] = process.argv.slice(2);
const draw = { readme: drawReadme, states: drawStates }[what];
if (!draw || !folder) {
  console.error('usage: node screenshots.mjs readme|states FOLDER');
  process.exit(1);
}

const undos = [];
const t = { after: (undo) => undos.push(undo) };

try {
  await mkdir(folder, { recursive: true });
  const browser = await launchBrowser(t);
  for (const locale of Object.keys(WORDS)) await draw(t, browser, folder, locale);
} finally {
  for (const undo of undos.reverse()) await undo();
}
