/** The storage of a tab, or of all tabs; `forbidden` as in some private modes. */
export class FakeStore extends Map {
  forbidden = false;
  #allowed() {
    if (this.forbidden) throw new Error('storage is forbidden');
    return this;
  }
  getItem = (key) => this.#allowed().get(key) ?? null;
  setItem = (key, value) => void this.#allowed().set(key, value);
  removeItem = (key) => void this.#allowed().delete(key);
}
