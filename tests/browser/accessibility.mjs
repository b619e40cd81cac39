// What axe finds on a page, in light and dark, narrow and wide.

import axe from 'axe-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Colours go with the scheme and the layout with the width: two looks see both of each. */
const LOOKS = [['light', 360], ['dark', 1280]];

/**
 * Violations of WCAG 2.2 AA and sideways scrolling, one line each.
 * @param {import('playwright-core').Page} page
 * @param {string[]} [except] rules of axe that this page has a right to break
 * @param {[string, number, number?][]} [looks] scheme, width and height
 */
export async function shortcomings(page, except = [], looks = LOOKS) {
  const size = page.viewportSize();
  const found = [];
  // By the debugger's way in: the page's policy rightly forbids a script element.
  await page.evaluate(axe.source);
  for (const [colorScheme, width, height = 800] of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height });
    const where = `${colorScheme}, ${width} px`;
    found.push(...(await violations(page, except)).map((line) => `${where}: ${line}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) found.push(`${where}: scrolls sideways by ${wide} px`);
  }
  if (size) await page.setViewportSize(size);
  return found;
}

async function violations(page, except) {
  const { violations } = await page.evaluate(
    (tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }),
    TAGS,
  );
  return violations.filter(({ id }) => !except.includes(id)).flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target.join(' ')}: ${failureSummary}`),
  );
}
