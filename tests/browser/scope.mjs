// Puts things away in the reverse order of their making: the pages before the gateway they talk to.

import { after, before } from 'node:test';

const scopes = new WeakMap();

/** @param {import('node:test').TestContext} t @param {() => unknown} undo */
export function defer(t, undo) {
  if (!scopes.has(t)) {
    const undos = [];
    scopes.set(t, undos);
    t.after(() => unwind(undos));
  }
  scopes.get(t).push(undo);
}

async function unwind(undos) {
  const errors = [];
  for (const undo of undos.reverse()) {
    try {
      await undo();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.join('\n'));
}

/**
 * What all tests of a `describe` share; call it in its body.
 * @template T
 * @param {(t: { after(undo: () => unknown): void }) => Promise<T>} make
 * @returns {T} filled before the first test
 */
export function shared(make) {
  const stage = {};
  const undos = [];
  before(async () => Object.assign(stage, await make({ after: (undo) => undos.push(undo) })));
  after(() => unwind(undos));
  return stage;
}
