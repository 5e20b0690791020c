// Dark, light, or what the system says; remembered.

const THEMES = ["system", "dark", "light"];

export function useTheme(button, name, onChange) {
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    name.textContent = theme;
  };
  const kept = localStorage.getItem("vidfx-tune:theme");
  show(THEMES.includes(kept) ? kept : "system");
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme;
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    localStorage.setItem("vidfx-tune:theme", next);
    show(next);
    onChange();
  });
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", onChange);
}
