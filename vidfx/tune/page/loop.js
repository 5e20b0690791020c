// A loop of frames for several panes, each shown from its own time to the next one's: the clip's times, not a rate.

import { isAbort, records } from "./api.js";

export class Loop {
  // onFrame(frame) with {pts, images}; onWork(text, done, total); onState("loading" | "playing" | "off"); onError(error)
  constructor({ timeBase, onFrame, onWork, onState, onError }) {
    Object.assign(this, { timeBase, onFrame, onWork, onState, onError });
    this.frames = [];
    this.asking = null;
    this.shown = -1;
  }

  get on() {
    return this.asking !== null;
  }

  async start(question) {
    this.stop();
    const asking = new AbortController();
    this.asking = asking;
    this.onState("loading");
    let waiting = [];
    try {
      for await (const { said, body } of records("/api/loop", question, asking.signal)) {
        if (this.asking !== asking) return;
        if (said.kind === "loop") {
          this.head = said;
          this.part = said.part;
        } else if (said.kind === "waiting") {
          this.onWork(said.what, said.done, said.total);
        } else {
          waiting[said.pane] = await createImageBitmap(body);
          if (this.asking !== asking) {
            waiting.forEach((image) => image.close());
            return;
          }
          if (waiting.filter(Boolean).length === question.looks.length) {
            this.frames.push({ index: said.index, pts: said.pts, images: waiting });
            waiting = [];
            this.onWork("frames of the loop", this.frames.length, this.head.pts.length);
            if (this.frames.length === 1) this.play();
          }
        }
      }
      if (this.asking === asking) this.onWork("", 0, 0);
    } catch (error) {
      if (this.asking === asking) this.stop();
      if (!isAbort(error)) this.onError(error);
    }
  }

  stop() {
    if (!this.asking) return;
    this.asking.abort();
    this.asking = null;
    cancelAnimationFrame(this.next);
    for (const frame of this.frames) frame.images.forEach((image) => image.close());
    this.frames = [];
    this.shown = -1;
    this.onWork("", 0, 0);
    this.onState("off");
  }

  play() {
    this.onState("playing");
    const seconds = (pts) => ((pts - this.head.pts[0]) * this.timeBase[0]) / this.timeBase[1];
    let began = performance.now();
    const tick = (now) => {
      this.next = requestAnimationFrame(tick);
      const { pts, end } = this.head;
      const until = (count) => seconds(count < pts.length ? pts[count] : end);
      let at = (now - began) / 1000;
      const ready = until(this.frames.length);
      if (at >= ready && this.frames.length < pts.length) {
        began = now - ready * 1000; // what is not painted yet is waited for, not skipped
        at = ready;
      } else if (at >= ready) {
        at %= ready;
        began = now - at * 1000;
      }
      let place = 0;
      while (place + 1 < this.frames.length && seconds(pts[place + 1]) <= at) place += 1;
      if (place === this.shown) return;
      this.shown = place;
      this.onFrame(this.frames[place]);
    };
    this.next = requestAnimationFrame(tick);
  }
}
