// Elements made by script. Markup that a script sets is what Trusted Types keep out.

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {HTMLElementTagNameMap & Pick<SVGElementTagNameMap, 'svg' | 'path' | 'circle'>} Tags */

/**
 * @template {string} Name
 * @typedef {Name extends `${infer Tag extends keyof Tags}#${string}` ? Tags[Tag] : Name extends keyof Tags ? Tags[Name] : HTMLElement} Made
 */

/**
 * `h('p#status', { role: 'status' }, 'Hello')`. What has an id is also the `::part` of that name.
 * @template {string} Name
 * @param {Name} name
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {Made<Name>}
 */
export function h(name, attributes, ...children) {
  const [tag = '', id] = name.split('#');
  const element = /^(svg|path|circle)$/.test(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries({ ...(id && { id, part: id }), ...attributes })) element.setAttribute(key, String(value));
  element.append(...children);
  return /** @type {Made<Name>} */ (element);
}

/** Touches the element only on a change, so that live regions speak once. @param {Element} element @param {string} [text] */
export function say(element, text = '') {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A person's face: the picture, or the first character of the name where there is none.
 * @param {HTMLElement} holder
 * @param {{ name: string, avatar?: string }} person
 */
export function showFace(holder, { name, avatar }) {
  const key = `${name}\n${avatar ?? ''}`;
  if (holder.dataset.face === key) return;
  holder.dataset.face = key;
  holder.textContent = [...name][0] ?? '';
  if (!avatar) return;
  const image = h('img', { alt: '', referrerpolicy: 'no-referrer' });
  // Until it has come, and where there is none, the letter stays.
  image.onload = () => {
    if (holder.dataset.face === key) holder.replaceChildren(image);
  };
  image.src = avatar;
}
