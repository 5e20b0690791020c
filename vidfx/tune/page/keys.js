// Every key, in one table: what it does and what the help says of it are the same entry.

export class Keys {
  // `actions` maps a name of ACTIONS to a function
  constructor(actions) {
    this.actions = actions;
    this.dialog = document.getElementById("keys");
    this.on = document.getElementById("keys-on");
    this.on.checked = localStorage.getItem("vidfx-tune:keys") !== "off";
    this.on.addEventListener("change", () => localStorage.setItem("vidfx-tune:keys", this.on.checked ? "on" : "off"));
    document.getElementById("help").addEventListener("click", () => this.help());
    document.addEventListener("keydown", (event) => this.down(event));
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "x") this.actions.bypass(false);
    });
    window.addEventListener("blur", () => this.actions.bypass(false));
    this.list();
  }

  help() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  down(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || (this.dialog.open && event.key !== "?")) return;
    const focus = event.target;
    const types = focus.matches("input[type=text], input[type=number], textarea");
    const arrows = focus.matches("input:not([type=checkbox]), select, [role=slider]"); // a checkbox has no use for them
    const presses = focus.matches("button, summary, input[type=checkbox], input[type=radio], select");
    if (types && event.key === "Enter") focus.blur(); // it has been typed: keys are keys again
    if (types || (arrows && /^(Arrow|Home|End|Page)/.test(event.key)) || (presses && /^( |Enter)$/.test(event.key))) return;
    const entry = KEYS.find(({ keys }) => keys.some((key) => matches(key, event)));
    if (!entry || (!this.on.checked && entry.single !== false && event.key.length === 1)) return;
    event.preventDefault();
    if (entry.does === "help") this.help();
    else if (!event.repeat || entry.repeats) this.actions[entry.does](...(entry.with ?? []));
  }

  list() {
    const box = document.getElementById("keys-list");
    const terms = document.createElement("dl");
    for (const { shown, says } of KEYS.filter((entry) => entry.says)) {
      const term = document.createElement("dt");
      for (const key of shown) term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
      const text = Object.assign(document.createElement("dd"), { textContent: says });
      terms.append(term, text);
    }
    box.append(terms);
  }
}

function matches(key, event) {
  if (key.startsWith("Shift+")) return event.shiftKey && (event.code === key.slice(6) || event.key === key.slice(6));
  if (key.startsWith("Digit")) return !event.shiftKey && event.code === key;
  if (key.length > 1) return !event.shiftKey && event.key === key;
  return event.key.toLowerCase() === key && !(event.shiftKey && /[a-z]/.test(key));
}

const slot = (place) => [
  { keys: [`Digit${place + 1}`], does: "recall", with: [place] },
  { keys: [`Shift+Digit${place + 1}`], does: "keep", with: [place] },
];

const KEYS = [
  { keys: ["ArrowLeft", ","], shown: ["←", "→"], says: "one frame back or on", does: "step", with: [-1], repeats: true },
  { keys: ["ArrowRight", "."], does: "step", with: [1], repeats: true },
  { keys: ["Shift+ArrowLeft"], shown: ["⇧ ←", "⇧ →"], says: "ten frames", does: "step", with: [-10], repeats: true },
  { keys: ["Shift+ArrowRight"], does: "step", with: [10], repeats: true },
  { keys: ["Home"], shown: ["Home", "End"], says: "first and last frame", does: "step", with: [-Infinity] },
  { keys: ["End"], does: "step", with: [Infinity] },
  { keys: ["["], shown: ["[", "]"], says: "shot before and after", does: "shot", with: [-1] },
  { keys: ["]"], does: "shot", with: [1] },
  { keys: [" "], shown: ["Space"], says: "loop on and off", does: "loop" },
  { keys: ["t"], shown: ["T", "⇧ T"], says: "next style, style before", does: "style", with: [1] },
  { keys: ["Shift+T"], does: "style", with: [-1] },
  { keys: ["j"], shown: ["J", "K"], says: "strength down and up", does: "nudge", with: ["strength", -0.05], repeats: true },
  { keys: ["k"], does: "nudge", with: ["strength", 0.05], repeats: true },
  { keys: ["Shift+J"], shown: ["⇧ J", "⇧ K"], says: "smoothing down and up", does: "nudge", with: ["smooth", -0.05], repeats: true },
  { keys: ["Shift+K"], does: "nudge", with: ["smooth", 0.05], repeats: true },
  { keys: ["c"], shown: ["C"], says: "keep the film's colours, or not", does: "color" },
  { keys: ["x"], shown: ["X"], says: "hold: the source alone", does: "bypass", with: [true] },
  { keys: ["v"], shown: ["V"], says: "next way to compare", does: "view" },
  { keys: ["n"], shown: ["N", "M"], says: "wipe to the left and right", does: "wipe", with: [-0.05], repeats: true },
  { keys: ["m"], does: "wipe", with: [0.05], repeats: true },
  { keys: ["z"], shown: ["Z"], says: "1:1 and back to fit", does: "zoom" },
  { keys: ["+", "="], shown: ["+", "−"], says: "closer and farther", does: "zoomBy", with: [1.25], repeats: true },
  { keys: ["-"], does: "zoomBy", with: [0.8], repeats: true },
  { keys: ["w"], shown: ["W", "A", "S", "D"], says: "move about in the picture", does: "pan", with: [0, 1], repeats: true },
  { keys: ["a"], does: "pan", with: [1, 0], repeats: true },
  { keys: ["s"], does: "pan", with: [0, -1], repeats: true },
  { keys: ["d"], does: "pan", with: [-1, 0], repeats: true },
  { keys: [], shown: ["1", "2", "3", "4"], says: "take A, B, C or D; keeps the look in an empty one", does: "recall" },
  { keys: [], shown: ["⇧ 1", "…", "⇧ 4"], says: "keep the look as A, B, C or D", does: "keep" },
  ...[0, 1, 2, 3].flatMap(slot),
  { keys: ["g"], shown: ["G"], says: "download a contact sheet", does: "sheet" },
  { keys: ["y"], shown: ["Y"], says: "copy the command", does: "copy" },
  { keys: ["r"], shown: ["R"], says: "go to Render", does: "render" },
  { keys: ["?"], shown: ["?"], says: "this help", does: "help", single: false },
  { keys: ["Escape"], shown: ["Esc"], says: "end the loop; close a message", does: "escape" },
];
