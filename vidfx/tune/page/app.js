// The page put together: what is on screen follows from `state`, and each change asks the server for what is missing.
// Long, because all that changes `state` is here and nowhere else.

import { get, records } from "./api.js";
import { Keys } from "./keys.js";
import { Loop } from "./loop.js";
import { Panel, described, equal } from "./panel.js";
import { Render } from "./render.js";
import { Stage } from "./stage.js";
import { Stills, plain } from "./stills.js";
import { Strip } from "./strip.js";
import { useTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);
const SOURCE = { style: null, strength: 1, smooth: 1, keep_color: false, matte: "" };
const LEVELS = { draft: "draft", full: "whole frame", settled: "as rendered" };
const CARDS_AFTER = 500; // milliseconds on one frame
const VIEWS = ["wipe", "side", "one", "grid"];

class App {
  constructor(clip) {
    this.clip = clip;
    this.seen = [clip.width * clip.aspect, clip.height];
    this.state = restored(clip);
    this.bypassed = false;
    byId("clip-name").textContent = clip.name;
    document.title = `${clip.name} · vidfx tune`;
    const rate = Number(clip.rate.toFixed(3));
    const length = clip.frames === 1 ? "1 frame" : `${clip.frames} frames`;
    byId("clip-facts").textContent = `${clip.width} × ${clip.height} · ${length}` + (clip.frames > 1 ? ` · ${rate} frames/s` : "");
    for (const id of ["frame", "first", "last"]) byId(id).max = String(clip.frames - 1);
    const fail = (error) => this.fail(error);
    this.stage = new Stage((what) => this.staged(what));
    this.stage.size = this.seen;
    this.strip = new Strip(clip, (frame, moving) => this.goTo(frame, !moving), fail);
    this.panel = new Panel(clip, this.state, (still) => this.changed(still), () => this.kept());
    this.render = new Render(this.state, fail);
    this.stills = new Stills({
      onCome: () => this.showStill(),
      onWork: (text, done, total) => this.work(text, done, total),
      onBusy: (on) => this.busy(on),
      onError: fail,
    });
    this.loop = new Loop({
      timeBase: clip.time_base,
      onFrame: (frame) => this.showLoop(frame),
      onWork: (text, done, total) => this.work(text, done, total),
      onState: (state) => this.looping(state),
      onError: fail,
    });
    this.keys = new Keys(this.actions());
    this.listen();
    this.setView(this.state.view);
    this.stage.wipe = this.state.wipe;
    byId("against").value = this.state.against;
    this.goTo(this.state.frame, true);
    this.render.command();
    document.body.dataset.ready = "true";
  }

  // --- what a person does -----------------------------------------------------------------------------------

  actions() {
    return {
      step: (by) => this.goTo(this.state.frame + by, true),
      shot: (direction) => this.goTo(this.strip.shot(direction), true),
      loop: () => this.toggleLoop(),
      style: (direction) => this.panel.nextStyle(direction),
      nudge: (name, by) => {
        const value = Math.min(1, Math.max(0, this.state.settings[name] + by));
        this.panel.change({ [name]: Number(value.toFixed(2)) });
      },
      color: () => this.panel.change({ keep_color: !this.state.settings.keep_color }),
      bypass: (on) => this.bypass(on),
      view: () => this.setView(VIEWS[(VIEWS.indexOf(this.stage.view) + 1) % VIEWS.length]),
      wipe: (by) => this.stage.setWipe(this.stage.wipe + by),
      zoom: () => this.stage.setScale(this.stage.scale === null ? 1 : null),
      zoomBy: (factor) => this.stage.zoomBy(factor),
      pan: (x, y) => this.stage.pan(x * 60 * devicePixelRatio, y * 60 * devicePixelRatio),
      recall: (place) => this.panel.recall(place),
      keep: (place) => this.panel.keep(place),
      sheet: () => this.sheet(),
      copy: () => this.render.copy(),
      render: () => (byId("render").hidden ? byId("stop") : byId("render")).focus(),
      escape: () => (byId("notice").hidden ? this.loop.stop() : (byId("notice").hidden = true)),
    };
  }

  listen() {
    const clicks = {
      "step-back": () => this.goTo(this.state.frame - 1, true),
      "step-on": () => this.goTo(this.state.frame + 1, true),
      "shot-back": () => this.goTo(this.strip.shot(-1), true),
      "shot-on": () => this.goTo(this.strip.shot(1), true),
      "zoom-out": () => this.stage.zoomBy(0.8),
      "zoom-in": () => this.stage.zoomBy(1.25),
      "zoom-fit": () => this.stage.setScale(null),
      "zoom-one": () => this.stage.setScale(1),
      "notice-close": () => (byId("notice").hidden = true),
      loop: () => this.toggleLoop(),
      sheet: () => this.sheet(),
    };
    for (const [id, does] of Object.entries(clicks)) byId(id).addEventListener("click", does);
    byId("frame").addEventListener("change", (event) => this.goTo(Number(event.target.value) || 0, true));
    for (const radio of document.getElementsByName("view")) radio.addEventListener("change", () => this.setView(radio.value));
    byId("against").addEventListener("change", (event) => {
      this.state.against = event.target.value;
      this.changed(true);
    });
    for (const id of ["loop-what", "loop-size"]) byId(id).addEventListener("change", () => this.loop.on && this.startLoop());
  }

  goTo(frame, still) {
    this.state.frame = Math.min(this.clip.frames - 1, Math.max(0, Math.round(frame)));
    const seconds = ((this.clip.pts[this.state.frame] - this.clip.pts[0]) * this.clip.time_base[0]) / this.clip.time_base[1];
    byId("frame").value = String(this.state.frame);
    byId("time").textContent = `${seconds.toFixed(3)} s`;
    this.strip.moveTo(this.state.frame, `frame ${this.state.frame}, ${seconds.toFixed(3)} seconds`);
    if (this.loop.on) this.loop.stop();
    this.ask(still);
    clearTimeout(this.cards);
    this.cards = setTimeout(() => this.panel.previewCards(this.state.frame), CARDS_AFTER);
  }

  changed(still) {
    this.render.command();
    if (this.loop.on && still) this.startLoop();
    else if (!this.loop.on) this.ask(still);
    this.save();
  }

  kept() {
    this.save();
    if (this.state.view === "grid" || this.state.against !== "source") this.ask(true);
  }

  setView(view) {
    this.markView(view);
    this.stage.setView(view);
    if (!this.loop.on) {
      this.state.view = view;
      this.ask(true);
    }
    this.staged("zoom");
  }

  markView(view) {
    for (const radio of document.getElementsByName("view")) radio.checked = radio.value === view;
  }

  bypass(on) {
    if (on === this.bypassed) return;
    this.bypassed = on;
    this.ask(true);
  }

  staged(what) {
    if (what === "wipe") this.state.wipe = this.stage.wipe;
    const scale = this.stage.scale ?? this.stage.fitScale();
    byId("zoom-says").textContent = `${Math.round(scale * 100)} %`;
    byId("zoom-fit").setAttribute("aria-pressed", String(this.stage.scale === null));
    byId("zoom-one").setAttribute("aria-pressed", String(this.stage.scale === 1));
    if (what === "wipe") this.save();
  }

  // --- still pictures ---------------------------------------------------------------------------------------

  // The looks on screen, the one that is tuned last.
  looks() {
    const { settings, slots, view, against } = this.state;
    if (this.bypassed) return [SOURCE];
    if (view === "one") return [settings];
    if (view === "grid") {
      const kept = slots.filter(Boolean);
      return kept.some((look) => equal(look, settings)) ? kept : [...kept, settings];
    }
    return [(against !== "source" && slots[Number(against)]) || SOURCE, settings];
  }

  ask(still) {
    this.showStill();
    if (!this.loop.on) this.stills.want(this.looks(), this.state.frame, still);
  }

  showStill() {
    if (this.loop.on) return new Set();
    const { frame } = this.state;
    const looks = this.looks();
    const panes = looks.map((look, place) => {
      const picture = this.stills.get(look, frame);
      // until the new frame comes, the old one stays where it was
      const stays = this.shown?.length === looks.length && alive(this.shown[place]) ? this.shown[place] : {};
      return { ...(picture ?? stays), label: this.label(look) };
    });
    this.shown = panes;
    this.stage.setView(this.bypassed ? "one" : this.state.view);
    this.stage.show(panes, this.seen);
    const now = panes[panes.length - 1];
    // an old frame that stays beside a new one is not this frame yet
    const fresh = looks.every((look) => this.stills.get(look, frame));
    byId("level").textContent = fresh ? LEVELS[now.level] : "waiting …";
    const { dataset } = byId("stage");
    Object.assign(dataset, { index: fresh ? now.index : "", pts: fresh ? now.pts : "", level: fresh ? now.level : "" });
    byId("picture").setAttribute("aria-label", `Frame ${frame}: ${panes.map((pane) => pane.label).join(" beside ")}`);
    this.save();
    return new Set(panes.map((pane) => pane.image));
  }

  label(look) {
    if (look.style === null) return "source";
    const place = this.state.slots.findIndex((kept) => kept && equal(kept, look));
    return (place < 0 ? "" : `${"ABCD"[place]} · `) + described(look);
  }

  // --- loop -------------------------------------------------------------------------------------------------

  toggleLoop() {
    if (this.loop.on) this.loop.stop();
    else this.startLoop();
  }

  startLoop() {
    this.stills.stop();
    const { settings, slots } = this.state;
    const kept = slots.filter(Boolean);
    const what = byId("loop-what").value;
    let looks = [{ ...settings, smooth: 0 }, settings.smooth > 0 ? settings : { ...settings, smooth: 1 }];
    if (what === "against") looks = this.looks().slice(-2);
    if (what === "kept" && kept.length) looks = kept.some((look) => equal(look, settings)) ? kept : [...kept, settings];
    this.loop.asked = looks;
    const view = looks.length > 1 ? "side" : "one";
    this.stage.setView(view);
    this.markView(view);
    const centre = byId("loop-size").value === "part" ? this.stage.centre.map((share) => Math.min(1, Math.max(0, share))) : null;
    this.loop.start({ frame: this.state.frame, looks: looks.map(plain), centre });
  }

  showLoop(frame) {
    const labels = this.loop.asked.map((look) => (look.smooth === 0 && look.style ? `${look.style}, smoothing off` : this.label(look)));
    const part = this.loop.part;
    const size = part ? [part[2] * this.clip.aspect, part[3]] : this.seen;
    this.stage.show(frame.images.map((image, place) => ({ image, label: labels[place] })), size);
    Object.assign(byId("stage").dataset, { index: frame.index, pts: frame.pts });
  }

  looping(state) {
    byId("loop").setAttribute("aria-pressed", String(state !== "off"));
    byId("loop").textContent = state === "off" ? "▶ Loop" : "■ Stop";
    byId("stage").dataset.loop = state;
    if (state === "off") {
      this.shown = null;
      this.stage.setView(this.state.view);
      this.markView(this.state.view);
      this.ask(true);
      return;
    }
    const small = this.clip.width > this.clip.loop_width && byId("loop-size").value === "small";
    byId("level").textContent = small ? "loop, reduced: strokes look larger than they will be" : "loop at true size";
  }

  async sheet() {
    const { settings, slots, frame } = this.state;
    const kept = slots.filter(Boolean);
    const looks = kept.some((look) => equal(look, settings)) ? kept : [...kept, settings];
    byId("sheet").disabled = true;
    try {
      for await (const { said, body } of records("/api/sheet", { frame, looks: looks.map(plain) })) {
        if (said.kind === "waiting") {
          byId("sheet").textContent = `${said.what}: ${said.done} of ${said.total}`;
          continue;
        }
        const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(body) });
        link.download = `${this.clip.name.replace(/\.[^.]*$/, "")}.frame${frame}.png`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      }
    } catch (error) {
      this.fail(error);
    }
    byId("sheet").disabled = false;
    byId("sheet").textContent = "contact sheet ↓";
  }

  // --- words ------------------------------------------------------------------------------------------------

  busy(on) {
    byId("stage").setAttribute("aria-busy", String(on));
  }

  work(text, done, total) {
    byId("work").textContent = text ? `${text}: ${done} of ${total}` : "";
    byId("work-bar").hidden = !text;
    byId("work-bar").max = Math.max(1, total);
    byId("work-bar").value = done;
  }

  fail(error) {
    byId("notice-text").textContent = `${error.message}.`;
    byId("notice-hint").textContent = error.hint ? `${error.hint}.` : "";
    byId("notice").hidden = false;
    this.busy(false);
  }

  save() {
    const { frame, settings, slots, view, against, wipe } = this.state;
    localStorage.setItem(storage(this.clip), JSON.stringify({ begun: this.clip.settings, frame, settings, slots, view, against, wipe }));
  }
}

const storage = (clip) => `vidfx-tune:${clip.id}`;
function alive(pane) {
  return pane?.image && pane.image.width > 0;
}

// What was on screen before a reload, as far as it still makes sense.
function restored(clip) {
  const state = { frame: 0, settings: { ...clip.settings }, slots: [null, null, null, null], view: "wipe", against: "source", wipe: 0.5 };
  let kept;
  try {
    kept = JSON.parse(localStorage.getItem(storage(clip)) ?? "{}");
  } catch {
    return state;
  }
  const here = (look) => look && clip.styles.some(({ name }) => name === look.style);
  const allowed = (look) => (clip.mattes ? plain(look) : { ...plain(look), matte: clip.settings.matte });
  const begun = JSON.stringify(kept.begun) === JSON.stringify(clip.settings); // else the command line says something new
  if (begun && here(kept.settings)) Object.assign(state.settings, allowed(kept.settings));
  if (Array.isArray(kept.slots)) state.slots = state.slots.map((_, place) => (here(kept.slots[place]) ? allowed(kept.slots[place]) : null));
  if (Number.isInteger(kept.frame)) state.frame = kept.frame;
  if (VIEWS.includes(kept.view)) state.view = kept.view;
  if (["source", "0", "1", "2", "3"].includes(kept.against)) state.against = kept.against;
  if (typeof kept.wipe === "number") state.wipe = kept.wipe;
  return state;
}

let app = null;
useTheme(byId("theme"), byId("theme-name"), () => app?.strip.draw());
if (location.search) history.replaceState(null, "", "/"); // the token stays in the cookie, not in sight

try {
  app = new App(await get("/api/clip"));
} catch (error) {
  byId("notice-text").textContent = `${error.message}.`;
  byId("notice-hint").textContent = error.hint ?? "";
  byId("notice").hidden = false;
  throw error;
}
