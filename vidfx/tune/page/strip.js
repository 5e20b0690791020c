// The filmstrip: small pictures, shot marks and the place in the clip, under a range input that does the moving.

import { get } from "./api.js";

export class Strip {
  constructor(clip, onMove, onError) {
    this.clip = clip;
    this.canvas = document.getElementById("film");
    this.input = document.getElementById("scrub");
    this.says = document.getElementById("scan-says");
    this.images = new Map();
    this.shots = [];
    this.frame = 0;
    this.onError = onError;
    this.input.max = String(clip.frames - 1);
    this.input.addEventListener("input", () => onMove(Number(this.input.value), true));
    this.input.addEventListener("change", () => onMove(Number(this.input.value), false));
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
    this.watch();
  }

  moveTo(frame, text) {
    this.frame = frame;
    this.input.value = String(frame);
    this.input.setAttribute("aria-valuetext", text);
    this.draw();
  }

  // First frame of the shot before or after; the ends of the clip where there is none.
  shot(direction) {
    if (direction > 0) return this.shots.find((shot) => shot > this.frame) ?? this.clip.frames - 1;
    return this.shots.findLast((shot) => shot < this.frame) ?? 0;
  }

  async watch() {
    try {
      for (;;) {
        const scan = await get("/api/scan");
        this.shots = scan.shots;
        this.wanted = scan.wanted;
        await this.fetchPictures(scan.ready.filter((frame) => !this.images.has(frame)));
        const share = Math.round((100 * scan.done) / this.clip.frames);
        const shots = scan.shots.length === 1 ? "1 shot" : `${scan.shots.length} shots`;
        this.says.textContent = scan.error || (scan.finished ? shots : `reading the clip, ${share} %`);
        this.says.dataset.finished = String(scan.finished);
        this.draw();
        if (scan.finished) return;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } catch (error) {
      this.onError(error);
    }
  }

  async fetchPictures(frames) {
    for (const frame of frames) {
      const answer = await fetch(`/api/thumb/${frame}`);
      if (answer.ok) this.images.set(frame, await createImageBitmap(await answer.blob()));
    }
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const box = this.canvas.parentElement;
    const [width, height] = [box.clientWidth * ratio, box.clientHeight * ratio].map(Math.round);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    // a variable would still say light-dark(), which no pen knows
    const { caretColor: accent, color: ink, backgroundColor: ground } = getComputedStyle(this.canvas);
    pen.clearRect(0, 0, width, height);
    const rail = Math.round(9 * ratio); // shot marks stand above the pictures
    const tall = height - rail;
    const wide = Math.max(8, (tall * this.clip.width * this.clip.aspect) / this.clip.height);
    const cells = Math.max(1, Math.round(width / wide));
    for (let cell = 0; cell < cells; cell += 1) {
      const [left, right] = [cell, cell + 1].map((edge) => Math.round((edge * width) / cells));
      const image = this.images.get(this.nearest(((cell + 0.5) / cells) * this.clip.frames));
      if (image) covered(pen, image, left, rail, right - left, tall);
    }
    const last = Math.max(1, this.clip.frames - 1);
    pen.fillStyle = ink;
    for (const shot of this.shots) {
      const x = Math.round((shot / last) * (width - ratio));
      pen.beginPath();
      pen.moveTo(x - 4 * ratio, 0);
      pen.lineTo(x + 4 * ratio, 0);
      pen.lineTo(x, rail - ratio);
      pen.fill();
      if (shot) pen.fillRect(x, rail, ratio, tall);
    }
    const x = Math.round((this.frame / last) * (width - 2 * ratio));
    pen.fillStyle = ground;
    pen.fillRect(x - 2 * ratio, 0, 6 * ratio, height);
    pen.fillStyle = accent;
    pen.fillRect(x - ratio, 0, 4 * ratio, height);
  }

  nearest(frame) {
    let best = -1;
    for (const known of this.images.keys()) {
      if (best < 0 || Math.abs(known - frame) < Math.abs(best - frame)) best = known;
    }
    const spacing = this.clip.frames / (this.wanted?.length || 1);
    return Math.abs(best - frame) <= 2 * spacing + 1 ? best : -1; // a far one would lie about the place
  }
}

function covered(pen, image, x, y, width, height) {
  const scale = Math.max(width / image.width, height / image.height);
  const [wide, tall] = [width / scale, height / scale];
  pen.drawImage(image, (image.width - wide) / 2, (image.height - tall) / 2, wide, tall, x, y, width, height);
}
