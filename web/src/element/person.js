// A person's face: the picture, or the first character of the name where there is none.

/**
 * @param {HTMLElement} holder
 * @param {{ name: string, avatar?: string }} person
 */
export function showFace(holder, { name, avatar }) {
  const key = `${name}\n${avatar ?? ''}`;
  if (holder.dataset.face === key) return;
  holder.dataset.face = key;
  const letter = [...name][0] ?? '';
  holder.textContent = letter;
  if (!avatar) return;
  const image = holder.ownerDocument.createElement('img');
  image.referrerPolicy = 'no-referrer';
  image.alt = '';
  // Until it has come, and where there is none, the letter stays.
  image.onload = () => {
    if (holder.dataset.face === key) holder.replaceChildren(image);
  };
  image.src = avatar;
}
