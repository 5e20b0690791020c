// The settings: style cards, sliders with their numbers, the matte, and the four kept settings.

import { isAbort, records } from "./api.js";

const SLOTS = ["A", "B", "C", "D"];
const byId = (id) => document.getElementById(id);

export class Panel {
  // onSettings(settings, still) while something changes; `still` is false while a slider moves
  constructor(clip, state, onSettings, onKept) {
    this.clip = clip;
    this.state = state;
    this.onSettings = onSettings;
    this.onKept = onKept;
    this.urls = new Map();
    this.makeCards();
    this.makeSlots();
    for (const name of ["strength", "smooth"]) this.listenSlider(name);
    byId("keep-color").addEventListener("change", (event) => this.change({ keep_color: event.target.checked }));
    byId("matte").addEventListener("change", (event) => this.change({ matte: event.target.value.trim() }));
    byId("matte").hidden = !clip.mattes && !clip.settings.matte;
    byId("matte-hint").textContent = clip.mattes
      ? "a picture or clip in the folders you named: white is painted, black stays film"
      : "none: needs vidfx tune CLIP FOLDER";
    byId("reset").addEventListener("click", () => {
      const { strength, smooth, keep_color, matte } = clip.settings;
      this.change({ strength, smooth, keep_color, matte });
    });
    this.show();
  }

  change(part, still = true) {
    Object.assign(this.state.settings, part);
    this.show();
    this.onSettings(still);
  }

  show() {
    const { settings } = this.state;
    for (const name of ["strength", "smooth"]) {
      byId(name).value = String(settings[name]);
      byId(name).style.setProperty("--share", `${settings[name] * 100}%`);
      const number = byId(`${name}-number`);
      if (document.activeElement !== number) number.value = String(Number(settings[name].toFixed(3)));
    }
    byId("keep-color").checked = settings.keep_color;
    byId("matte").value = settings.matte;
    for (const radio of document.getElementsByName("style")) radio.checked = radio.value === settings.style;
    byId("about").textContent = this.clip.styles.find(({ name }) => name === settings.style)?.description ?? "";
    this.showSlots();
  }

  listenSlider(name) {
    const [range, number] = [byId(name), byId(`${name}-number`)];
    range.addEventListener("input", () => this.change({ [name]: Number(range.value) }, false));
    range.addEventListener("change", () => this.change({ [name]: Number(range.value) }));
    number.addEventListener("input", () => {
      if (number.validity.valid && number.value !== "") this.change({ [name]: Number(number.value) });
    });
    number.addEventListener("blur", () => this.show());
  }

  // --- styles -----------------------------------------------------------------------------------------------

  makeCards() {
    const cards = byId("styles");
    for (const style of this.clip.styles) {
      const card = document.createElement("label");
      card.className = "card";
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "style", value: style.name });
      radio.setAttribute("aria-label", style.name);
      radio.setAttribute("aria-describedby", "about");
      radio.addEventListener("change", () => this.change({ style: style.name }));
      const picture = Object.assign(document.createElement("img"), { alt: "", className: "card-picture" });
      picture.dataset.style = style.name;
      picture.hidden = true;
      const frame = document.createElement("span");
      frame.className = "card-frame";
      frame.style.setProperty("aspect-ratio", `${this.clip.width * this.clip.aspect} / ${this.clip.height}`);
      frame.append(picture);
      const name = Object.assign(document.createElement("strong"), { textContent: style.name });
      card.title = style.description;
      card.append(radio, frame, name);
      cards.append(card);
    }
  }

  // Paints every card anew from a frame; an older round is dropped.
  async previewCards(frame) {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    try {
      for (const { name } of this.clip.styles) {
        for await (const { body } of records("/api/card", { frame, style: name }, asking.signal)) {
          const picture = document.querySelector(`img[data-style="${CSS.escape(name)}"]`);
          const url = URL.createObjectURL(body);
          picture.src = url;
          picture.hidden = false;
          if (this.urls.has(name)) URL.revokeObjectURL(this.urls.get(name));
          this.urls.set(name, url);
        }
      }
    } catch (error) {
      if (!isAbort(error)) console.warn(error); // the cards have names; the stage reports what matters
    }
  }

  nextStyle(direction) {
    const names = this.clip.styles.map((style) => style.name);
    const at = names.indexOf(this.state.settings.style);
    this.change({ style: names[(at + direction + names.length) % names.length] });
  }

  // --- kept settings ----------------------------------------------------------------------------------------

  makeSlots() {
    const box = byId("slots");
    SLOTS.forEach((letter, place) => {
      const slot = document.createElement("div");
      slot.className = "slot";
      const recall = document.createElement("button");
      recall.type = "button";
      recall.className = "recall";
      recall.append(Object.assign(document.createElement("b"), { textContent: letter }), document.createElement("span"));
      recall.addEventListener("click", () => this.recall(place));
      const keep = Object.assign(document.createElement("button"), { type: "button", className: "quiet" });
      keep.addEventListener("click", () => this.keep(place));
      slot.append(recall, keep);
      box.append(slot);
    });
  }

  recall(place) {
    const kept = this.state.slots[place];
    if (kept) this.change({ ...kept });
    else this.keep(place);
  }

  keep(place) {
    const same = this.state.slots[place] && equal(this.state.slots[place], this.state.settings);
    this.state.slots[place] = same ? null : { ...this.state.settings };
    this.showSlots();
    this.onKept();
  }

  showSlots() {
    [...byId("slots").children].forEach((slot, place) => {
      const kept = this.state.slots[place];
      const current = kept !== null && equal(kept, this.state.settings);
      const [recall, keep] = slot.children;
      recall.lastChild.textContent = kept ? described(kept) : "empty";
      recall.classList.toggle("filled", kept !== null);
      recall.setAttribute("aria-pressed", String(current));
      recall.setAttribute("aria-label", kept ? `Take ${SLOTS[place]}: ${described(kept)}` : `Keep as ${SLOTS[place]}`);
      keep.textContent = current ? "clear" : "keep";
      keep.setAttribute("aria-label", `${current ? "Clear" : "Keep the look as"} ${SLOTS[place]}`);
    });
  }
}

export function described(settings) {
  if (settings.style === null) return "source";
  const said = [settings.style];
  if (settings.strength !== 1) said.push(`${Math.round(settings.strength * 100)} %`);
  if (settings.smooth !== 1) said.push(`smooth ${settings.smooth}`);
  if (settings.keep_color) said.push("film's colours");
  if (settings.matte) said.push("matte");
  return said.join(" · ");
}

export function equal(one, other) {
  return ["style", "strength", "smooth", "keep_color", "matte"].every((key) => one[key] === other[key]);
}
