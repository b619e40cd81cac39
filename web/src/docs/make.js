// Elements made of text: nothing here reads markup.

/** @typedef {Node | string | null | undefined} Part */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Part} parts
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...parts) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...parts.filter((part) => part != null));
  return element;
}

/** @param {string} text */
export function code(text) {
  return make('code', {}, text);
}

/** Parts with something between them. @param {Part[][]} groups @param {string} between @returns {Part[]} */
export function joined(groups, between) {
  return groups.flatMap((group, at) => (at ? [between, ...group] : group));
}

/**
 * A table that scrolls by itself where it is too wide.
 * @param {string} label
 * @param {string[]} heads
 * @param {Part[][][]} rows
 */
export function table(label, heads, rows) {
  const head = make('thead', {}, make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text))));
  const body = rows.map(([first, ...others]) =>
    make('tr', {}, make('th', { scope: 'row' }, ...(first ?? [])), ...others.map((cell) => make('td', {}, ...cell))),
  );
  return make('div', { class: 'wide', role: 'region', 'aria-label': label, tabindex: '0' }, make('table', {}, head, make('tbody', {}, ...body)));
}

/** Text to be read as it is, with a way to take it along. @param {string} text @param {string} label */
export function listing(text, label) {
  const pre = make('pre', { tabindex: '0', role: 'region', 'aria-label': label }, code(text));
  const block = make('div', { class: 'listing' }, pre);
  // Browsers have no clipboard for pages on plain http.
  if (navigator.clipboard) {
    const button = make('button', { type: 'button' }, 'Copy');
    const said = make('span', { class: 'unseen', role: 'status' });
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = said.textContent = 'Copied';
    });
    block.append(button, said);
  }
  return block;
}

/** @param {unknown} value @param {string} label */
export function example(value, label = 'Example') {
  return listing(typeof value === 'string' ? value : JSON.stringify(value, null, 2), label);
}

/** What opens when it is asked for. @param {Part[]} summary @param {...Part} parts */
export function folded(summary, ...parts) {
  return make('details', {}, make('summary', {}, ...summary), ...parts);
}
