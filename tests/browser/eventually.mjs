// Waiting for facts, with a bound.

import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 50;

/**
 * Asks until the answer is truthy, and returns it. What `ask` throws ends the wait.
 * @template T
 * @param {string} what for the message when it never comes
 * @param {() => T | Promise<T>} ask
 * @returns {Promise<NonNullable<T>>}
 */
export async function eventually(what, ask, withinMs = 20_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await pause(EVERY_MS);
  }
}
