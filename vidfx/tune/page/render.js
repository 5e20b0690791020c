// The command line for what is on screen, and the render that runs it. The render lives in the server: any page shows it.

import { get, isAbort, post } from "./api.js";

const byId = (id) => document.getElementById(id);
const IDLE = 4000; // milliseconds from one look to the next while nothing is known to run: another page may begin one
const STATES = { running: "", stopping: "stopping …", stopped: "stopped", failed: "failed", done: "done" };

export class Render {
  constructor(state, onError) {
    this.state = state;
    this.onError = onError;
    this.last = "idle";
    byId("copy").addEventListener("click", () => this.copy());
    byId("render").addEventListener("click", () => this.start());
    byId("stop").addEventListener("click", () => this.stop());
    for (const id of ["output", "overwrite", "first", "last"]) byId(id).addEventListener("input", () => this.command());
    this.watch();
  }

  asked() {
    const number = (id) => (byId(id).value === "" ? null : Number(byId(id).value));
    return {
      settings: this.state.settings,
      output: byId("output").value,
      overwrite: byId("overwrite").checked,
      first: number("first"),
      last: number("last"),
    };
  }

  async command() {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    try {
      const said = await post("/api/command", this.asked(), asking.signal);
      byId("command").textContent = said.command;
      byId("output").placeholder = said.output;
      this.wrong([]);
      if (this.last !== "running") this.label(said.command);
    } catch (error) {
      if (isAbort(error)) return;
      this.wrong(this.isRange() ? ["output"] : ["first", "last"]);
      this.onError(error);
    }
  }

  // Whether the fields name frames of the clip; nothing in one of them is its end.
  isRange() {
    const [first, last] = ["first", "last"].map(byId);
    const ordered = first.value === "" || last.value === "" || Number(first.value) <= Number(last.value);
    return ordered && first.validity.valid && last.validity.valid;
  }

  wrong(ids) {
    for (const id of ["output", "first", "last"]) {
      if (ids.includes(id)) byId(id).setAttribute("aria-invalid", "true");
      else byId(id).removeAttribute("aria-invalid");
    }
  }

  async copy() {
    const text = byId("command").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange(); // no permission: select it, so that Ctrl+C does it
      range.selectNodeContents(byId("command"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    byId("copy").textContent = "Copied";
    setTimeout(() => (byId("copy").textContent = "Copy the command"), 1500);
  }

  async start() {
    try {
      this.show(await post("/api/render", this.asked()));
      this.watch();
    } catch (error) {
      this.onError(error);
      this.watch(); // another page may have begun one
    }
  }

  async stop() {
    try {
      this.show(await post("/api/render/stop", {}));
    } catch (error) {
      this.onError(error);
    }
  }

  async watch() {
    clearTimeout(this.timer);
    try {
      const status = await get("/api/render");
      this.show(status);
      this.lost = false;
      const busy = status.state === "running" || status.state === "stopping";
      this.timer = setTimeout(() => this.watch(), busy ? 500 : IDLE);
    } catch (error) {
      if (!this.lost) this.onError(error);
      this.lost = true; // said once; it may come back
      this.timer = setTimeout(() => this.watch(), IDLE);
    }
  }

  show(status) {
    const { state } = status;
    this.last = state;
    this.command_run = status.command;
    const running = state === "running" || state === "stopping";
    byId("rendering").hidden = state === "idle";
    byId("rendering").dataset.state = state;
    byId("render").hidden = running;
    byId("stop").hidden = !running;
    byId("stop").disabled = state === "stopping";
    this.label(byId("command").textContent);
    const bar = byId("render-bar");
    bar.hidden = !running;
    if (status.total) {
      bar.max = status.total;
      bar.value = status.frame;
    } else {
      bar.removeAttribute("value");
    }
    const text = [STATES[state], running ? progress(status) : `${clock(status.seconds)} in all`].filter(Boolean).join(" · ");
    if (byId("render-says").textContent !== text) byId("render-says").textContent = text;
    const said = byId("render-said");
    said.hidden = status.said.length === 0;
    said.textContent = status.said.join("\n");
  }

  label(command) {
    const again = this.last === "stopped" && command === this.command_run;
    byId("render").textContent = again ? "Resume" : "Render";
  }
}

function progress(status) {
  if (!status.frame) return "starting";
  const of = status.total ? `frame ${status.frame} of ${status.total}` : `frame ${status.frame}`;
  const said = [of, `${status.frames_per_second.toFixed(1)} frames/s`, `${status.speed.toFixed(2)}× real time`];
  if (status.left !== null) said.push(`${clock(status.left)} left`);
  return said.join(" · ");
}

export function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
