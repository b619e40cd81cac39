// What axe finds on a page, in light and dark, narrow and wide.

import axe from 'axe-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const SCHEMES = ['light', 'dark'];
const WIDTHS = [360, 1280];

/** Violations of WCAG 2.2 AA and sideways scrolling, one line each. @param {import('playwright-core').Page} page */
export async function shortcomings(page) {
  const size = page.viewportSize();
  const found = [];
  // By the debugger's way in: the page's policy rightly forbids a script element.
  await page.evaluate(axe.source);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const where = `${colorScheme}, ${width} px`;
      found.push(...(await violations(page)).map((line) => `${where}: ${line}`));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) found.push(`${where}: scrolls sideways by ${wide} px`);
    }
  }
  if (size) await page.setViewportSize(size);
  return found;
}

async function violations(page) {
  const { violations } = await page.evaluate(
    (tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }),
    TAGS,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target.join(' ')}: ${failureSummary}`),
  );
}
