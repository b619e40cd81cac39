// Server-sent events, read with `fetch`: `EventSource` cannot send the header that names the scene's secret.
// https://html.spec.whatwg.org/multipage/server-sent-events.html

/**
 * The data of each event, and an empty text for each comment: a sign of life.
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<string, void, void>}
 */
export async function* readEvents(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
    text = blocks.pop() ?? '';
    for (const block of blocks) yield /^data: ?(.*)/m.exec(block)?.[1] ?? '';
  }
}
