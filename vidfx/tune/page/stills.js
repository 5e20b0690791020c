// Pictures of single frames: what is known, what is asked for, and what is let go of.

import { isAbort, records } from "./api.js";

export const RANK = { draft: 1, full: 2, settled: 3 };
const MOST = 10;
const REST = 250; // milliseconds without a change until the best picture is asked for

export class Stills {
  // onCome() when a picture is there; onWork(text, done, total); onBusy(on); onError(error)
  constructor({ onCome, onWork, onBusy, onError }) {
    Object.assign(this, { onCome, onWork, onBusy, onError });
    this.pictures = new Map(); // frame and look to {image, level, index, pts}
    this.asking = null;
  }

  get(look, frame) {
    return this.pictures.get(key(look, frame));
  }

  // Asks for what is missing. While something still moves: at once if nothing is on its way, else when the first
  // picture of that has come, so that a slider that never rests still shows something.
  want(looks, frame, still) {
    this.wanted = { looks, frame };
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.request("settled"), still ? 0 : REST);
    if (still) return;
    if (this.asking && !this.asking.came) this.asking.again = true;
    else this.request("draft");
  }

  stop() {
    clearTimeout(this.rest);
    this.abort();
  }

  abort() {
    this.asking?.abort();
    this.asking = null;
    this.onBusy(false);
    this.onWork("", 0, 0);
  }

  async request(upto) {
    const { looks, frame } = this.wanted;
    const missing = looks.filter((look) => (RANK[this.get(look, frame)?.level] ?? 0) < RANK[upto]);
    this.abort();
    if (!missing.length) return;
    const asking = Object.assign(new AbortController(), { came: false, again: false });
    this.asking = asking;
    this.onBusy(true);
    const began = performance.now();
    try {
      const question = { frame, looks: missing.map(plain), upto };
      for await (const { said, body } of records("/api/picture", question, asking.signal)) {
        if (said.kind === "waiting") {
          if (this.asking === asking) this.onWork(said.what, said.done, said.total);
          continue;
        }
        const { level, index, pts } = said;
        this.keep(key(missing[said.pane], frame), { image: await createImageBitmap(body), level, index, pts });
        if (!asking.came) document.body.dataset.answered = String(Math.round(performance.now() - began));
        asking.came = true;
        if (asking.again && this.asking === asking) {
          this.request("draft");
          return;
        }
      }
    } catch (error) {
      if (!isAbort(error)) this.onError(error);
    }
    if (this.asking === asking) {
      this.asking = null;
      this.onBusy(false);
      this.onWork("", 0, 0);
    }
  }

  keep(name, picture) {
    const old = this.pictures.get(name);
    if (old && RANK[old.level] > RANK[picture.level]) {
      picture.image.close();
      return;
    }
    this.pictures.delete(name);
    this.pictures.set(name, picture);
    const shown = this.onCome();
    // on screen it may stand in for a frame that has not come yet
    if (old && !shown.has(old.image)) old.image.close();
    for (const [other, { image }] of this.pictures) {
      if (this.pictures.size <= MOST) break;
      if (shown.has(image)) continue;
      image.close();
      this.pictures.delete(other);
    }
  }
}

// The settings of a look and nothing else, as the server takes them.
export function plain({ style, strength, smooth, keep_color, matte }) {
  return { style, strength, smooth, keep_color, matte };
}

const key = (look, frame) => `${frame} ${JSON.stringify(plain(look))}`;
