// Writes the pictures of the README: `node screenshots.mjs FOLDER [en|zh-CN]`.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { WORDS } from './words.mjs';

const [folder, locale = 'en'] = process.argv.slice(2);
if (!folder || !(locale in WORDS)) {
  console.error(`usage: node screenshots.mjs FOLDER [${Object.keys(WORDS).join('|')}]`);
  process.exit(1);
}

const SCREEN = { viewport: { width: 960, height: 640 }, deviceScaleFactor: 2 };
const HAND = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

const undos = [];
const t = { after: (undo) => undos.push(undo) };

try {
  await mkdir(folder, { recursive: true });
  const browser = await launchBrowser(t);
  const gateway = await startGateway(t);
  const user = await gateway.addUser({ id: 'picture', name: '李小龙' });
  const desk = await Desk.open(t, browser, gateway, { locale, ...SCREEN });
  const phone = await Phone.of(t, browser, gateway, user, { locale, ...HAND });
  const code = await desk.code();
  await shoot(desk, 'login');
  await phone.page.goto(gateway.addresses.phone);
  await shoot(phone, 'sandbox-phone');
  await phone.scans(code);
  await phone.seesTheRequest();
  await shoot(phone, 'confirm');
  await desk.sees(desk.words.scanned);
  await shoot(desk, 'scanned');
  await phone.confirms();
  await phone.page.waitForURL(`${gateway.sandbox}/connect/**`);
  await shoot(phone, 'consent');
  await phone.consents();
  await phone.sees(phone.words.done);
  await shoot(phone, 'done');
  await desk.isSignedInAs(user.name);
  await shoot(desk, 'app');

  const other = await Desk.open(t, browser, gateway, { locale, ...SCREEN });
  await phone.scans(await other.code());
  await phone.seesTheRequest();
  await phone.rejects();
  await other.sees(other.words.rejected);
  await shoot(other, 'rejected');

  const brief = await startGateway(t, { 'scene.pending_ttl_ms': 500 });
  const late = await Desk.open(t, browser, brief, { locale, ...SCREEN });
  late.page.setDefaultTimeout(30_000);
  await late.sees(late.words.expired);
  await shoot(late, 'expired');
} finally {
  for (const undo of undos.reverse()) await undo();
}

async function shoot({ page }, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), animations: 'disabled' });
  }
}
