// The little Markdown that the documents are written in: paragraphs, lists, `code`, **bold** and *emphasis*.

import { code, make } from './make.js';

/** @import { Part } from './make.js' */

/** @param {string} [text] @returns {Part[]} */
export function prose(text = '') {
  return text.trim().split(/\n\n+/).filter(Boolean).map((block) => {
    if (!block.startsWith('- ')) return make('p', {}, ...inline(block));
    return make('ul', {}, ...block.slice(2).split(/\n- /).map((item) => make('li', {}, ...inline(item))));
  });
}

/** @param {string} [text] @returns {Part[]} */
export function inline(text = '') {
  const parts = text.trim().replace(/\s+/g, ' ').split(/(`[^`]+`|\*\*.+?\*\*|\*[^*`]+\*)/);
  return parts.map((part) => {
    if (/^`.+`$/.test(part)) return code(part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return make('strong', {}, ...inline(part.slice(2, -2)));
    if (/^\*.+\*$/.test(part)) return make('em', {}, part.slice(1, -1));
    return part;
  });
}
