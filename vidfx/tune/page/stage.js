// The pictures: one canvas, several panes with one camera, a wipe handle. Knows nothing of styles or frames.

export class Stage {
  constructor(onChange) {
    this.box = document.getElementById("stage");
    this.canvas = document.getElementById("picture");
    this.labels = document.getElementById("labels");
    this.handle = document.getElementById("wipe");
    this.onChange = onChange;
    this.panes = [];
    this.view = "wipe";
    this.wipe = 0.5;
    this.size = [16, 9];
    this.scale = null; // device pixels for a pixel of the clip; null fits
    this.centre = [0.5, 0.5];
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.listen();
  }

  // --- what to show -----------------------------------------------------------------------------------------

  // Panes are {label, image}; `size` is the picture's size as it is seen, in pixels of the clip.
  show(panes, size = this.size) {
    this.panes = panes;
    if (size[0] !== this.size[0] || size[1] !== this.size[1]) this.size = size;
    document.getElementById("empty").hidden = panes.some((pane) => pane.image);
    this.draw();
  }

  setView(view) {
    this.view = view;
    this.draw();
  }

  setWipe(share) {
    this.wipe = Math.min(1, Math.max(0, share));
    this.draw();
    this.onChange("wipe");
  }

  // --- camera -----------------------------------------------------------------------------------------------

  setScale(scale, at = null) {
    const before = this.scale ?? this.fitScale();
    if (scale === null) {
      this.scale = null;
      this.centre = [0.5, 0.5];
    } else {
      this.scale = Math.min(16, Math.max(Math.min(1, this.fitScale() / 2), scale));
      if (at) {
        // the point under the pointer stays where it is
        const shift = (index) => at[index] * (1 / before - 1 / this.scale) / this.size[index];
        this.centre = [this.centre[0] + shift(0), this.centre[1] + shift(1)];
      }
    }
    this.pan(0, 0);
    this.onChange("zoom");
  }

  zoomBy(factor, at = null) {
    this.setScale((this.scale ?? this.fitScale()) * factor, at);
  }

  // By device pixels.
  pan(x, y) {
    const scale = this.scale ?? this.fitScale();
    const [first] = this.layout();
    const room = (index, seen) => Math.max(0, 0.5 - seen / (2 * this.size[index] * scale));
    const within = (value, reach) => Math.min(0.5 + reach, Math.max(0.5 - reach, value));
    this.centre = [
      within(this.centre[0] - x / (scale * this.size[0]), room(0, first.width)),
      within(this.centre[1] - y / (scale * this.size[1]), room(1, first.height)),
    ];
    this.box.dataset.pans = String(this.scale !== null && this.scale > this.fitScale());
    this.draw();
  }

  fitScale() {
    const [first] = this.layout();
    return Math.max(0.01, Math.min(first.width / this.size[0], first.height / this.size[1]));
  }

  layout() {
    const { width, height } = this.canvas;
    const count = this.view === "side" || this.view === "grid" ? Math.max(1, this.panes.length) : 1;
    if (count === 1) return [{ x: 0, y: 0, width, height }];
    let best = [];
    let largest = 0;
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const scale = Math.min(width / columns / this.size[0], height / rows / this.size[1]);
      if (scale <= largest) continue;
      largest = scale;
      const gap = Math.round(3 * devicePixelRatio);
      const wide = (width - gap * (columns - 1)) / columns;
      const tall = (height - gap * (rows - 1)) / rows;
      best = Array.from({ length: count }, (_, place) => ({
        x: Math.round((place % columns) * (wide + gap)),
        y: Math.round(Math.floor(place / columns) * (tall + gap)),
        width: Math.floor(wide),
        height: Math.floor(tall),
      }));
    }
    return best;
  }

  // --- drawing ----------------------------------------------------------------------------------------------

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.box.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.box.clientHeight * ratio));
    this.drawNow(); // a canvas is empty after a new size: drawn in the next turn only, it would flash
    this.onChange("zoom");
  }

  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.drawNow();
    });
  }

  drawNow() {
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const places = this.layout();
    const wiped = this.view === "wipe" && this.panes.length === 2;
    if (wiped) {
      const area = this.drawn(pen, this.panes[1], places[0]);
      const edge = this.wipeEdge(area);
      this.drawn(pen, this.panes[0], places[0], edge);
      this.placeHandle(edge);
    } else {
      const panes = this.view === "one" || this.view === "wipe" ? this.panes.slice(-1) : this.panes;
      panes.forEach((pane, index) => this.drawn(pen, pane, places[index]));
    }
    this.handle.hidden = !wiped;
    this.placeLabels(places, wiped);
  }

  // Where the picture lies, in device pixels.
  area(place) {
    const fit = this.scale === null;
    const scale = fit ? this.fitScale() : this.scale;
    const [width, height] = [this.size[0] * scale, this.size[1] * scale];
    const x = place.x + place.width / 2 - this.centre[0] * width;
    const y = place.y + place.height / 2 - this.centre[1] * height;
    return fit ? { x, y, width, height } : { x: Math.round(x), y: Math.round(y), width, height };
  }

  drawn(pen, pane, place, until = null) {
    const area = this.area(place);
    if (!pane?.image?.width) return area; // none, or let go of since
    pen.save();
    pen.beginPath();
    pen.rect(place.x, place.y, until === null ? place.width : Math.max(0, until - place.x), place.height);
    pen.clip();
    const enlarged = area.width / pane.image.width;
    pen.imageSmoothingEnabled = enlarged < 2 || pane.rough === true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(pane.image, area.x, area.y, area.width, area.height);
    pen.restore();
    return area;
  }

  wipeEdge(area) {
    const left = Math.max(0, area.x);
    const right = Math.min(this.canvas.width, area.x + area.width);
    return Math.round(left + (right - left) * this.wipe);
  }

  placeHandle(edge) {
    const ratio = window.devicePixelRatio || 1;
    this.box.style.setProperty("--wipe", `${edge / ratio}px`);
    this.handle.setAttribute("aria-valuenow", String(Math.round(this.wipe * 100)));
    this.handle.setAttribute("aria-valuetext", `${Math.round(this.wipe * 100)} % from the left`);
  }

  placeLabels(places, wiped) {
    const ratio = window.devicePixelRatio || 1;
    const panes = this.view === "one" || (this.view === "wipe" && !wiped) ? this.panes.slice(-1) : this.panes;
    while (this.labels.children.length > panes.length) this.labels.lastChild.remove();
    panes.forEach((pane, index) => {
      const tag = this.labels.children[index] ?? this.labels.appendChild(document.createElement("span"));
      if (tag.textContent !== pane.label) tag.textContent = pane.label;
      const place = places[wiped ? 0 : index] ?? places[0];
      const area = this.area(place);
      const right = wiped && index === 1;
      const edge = right
        ? Math.min(place.x + place.width, area.x + area.width)
        : Math.max(place.x, area.x);
      tag.classList.toggle("right", right);
      tag.style.setProperty("left", `${edge / ratio}px`);
      tag.style.setProperty("top", `${Math.max(place.y, area.y) / ratio}px`);
      tag.hidden = !pane.label;
    });
  }

  // --- hands ------------------------------------------------------------------------------------------------

  listen() {
    const ratio = () => window.devicePixelRatio || 1;
    const fromMiddle = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const x = (event.clientX - box.left) * ratio();
      const y = (event.clientY - box.top) * ratio();
      const place = this.layout().find((p) => x >= p.x && x < p.x + p.width && y >= p.y && y < p.y + p.height);
      return place ? [x - place.x - place.width / 2, y - place.y - place.height / 2] : [0, 0];
    };
    this.handle.addEventListener("pointerdown", (event) => {
      this.handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.handle.focus();
    });
    this.handle.addEventListener("pointermove", (event) => {
      if (!this.handle.hasPointerCapture(event.pointerId)) return;
      const box = this.canvas.getBoundingClientRect();
      const area = this.area(this.layout()[0]);
      const left = Math.max(0, area.x);
      const right = Math.min(this.canvas.width, area.x + area.width);
      this.setWipe(((event.clientX - box.left) * ratio() - left) / Math.max(1, right - left));
    });
    this.handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.01, ArrowRight: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.setWipe(this.wipe + (event.shiftKey ? 10 * step : step));
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    this.canvas.addEventListener("pointermove", (event) => this.dragged(event, ratio(), fromMiddle));
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    this.canvas.addEventListener("dblclick", (event) => this.setScale(this.scale === null ? 1 : null, fromMiddle(event)));
    this.box.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !matchMedia("(min-width: 60rem)").matches) return; // on a phone it scrolls the page
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), fromMiddle(event));
      },
      { passive: false },
    );
  }

  dragged(event, ratio, fromMiddle) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      if (spread(before) > 10) this.zoomBy(spread(now) / spread(before), fromMiddle(event));
    }
    this.pan((now[0] - before[0]) * ratio, (now[1] - before[1]) * ratio);
    this.pointers.set(event.pointerId, now);
  }
}
