// Questions to the server: plain JSON, and streams of records (see records.py) that stop when nobody wants them.

export const VIEW = crypto.randomUUID();

export class Failure extends Error {
  constructor(text, hint = "") {
    super(text);
    this.hint = hint;
  }
}

let generation = Date.now();

export async function get(path) {
  return (await answered(fetch(path))).json();
}

export async function post(path, body, signal) {
  return (await answered(send(path, body, signal))).json();
}

// Yields {said, body} as they come. `body` is a Blob for pictures.
export async function* records(path, body, signal) {
  generation += 1;
  const answer = await answered(send(path, { view: VIEW, generation, ...body }, signal));
  const reader = answer.body.getReader();
  let chunks = [];
  let length = 0;

  async function take(count) {
    while (length < count) {
      const { done, value } = await reader.read();
      if (done) return null;
      chunks.push(value);
      length += value.length;
    }
    const whole = chunks.length === 1 ? chunks[0] : joined(chunks, length);
    chunks = whole.length > count ? [whole.subarray(count)] : [];
    length = whole.length - count;
    return whole.subarray(0, count);
  }

  try {
    for (;;) {
      const head = await take(8);
      if (head === null) return;
      const view = new DataView(head.buffer, head.byteOffset, 8);
      const sizes = [view.getUint32(0), view.getUint32(4)];
      const said = JSON.parse(new TextDecoder().decode(await take(sizes[0])));
      const bytes = sizes[1] ? await take(sizes[1]) : null;
      if (said.kind === "error") throw new Failure(said.error, said.hint);
      if (said.kind === "end" || said.kind === "stale") return;
      yield { said, body: bytes && new Blob([bytes], { type: said.type }) };
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export function isAbort(error) {
  return error.name === "AbortError";
}

function send(path, body, signal) {
  const headers = { "content-type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function answered(promise) {
  let answer;
  try {
    answer = await promise;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Failure("the server does not answer", "is `vidfx tune` still running? Start it again and open its address");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Failure(said.error || `the server says ${answer.status}`, said.hint);
}

function joined(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
