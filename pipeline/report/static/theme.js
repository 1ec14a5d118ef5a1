"use strict";
// Colors: as the system has them, or light, or dark. The choice lives as long as the page is open.
const themes = [["", "as the system", "◐"], ["light", "light", "☀"], ["dark", "dark", "☾"]];
const redraws = [];
let theme = 0;

function useTheme(number) {
  theme = number % themes.length;
  const [name, words, sign] = themes[theme];
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  const button = document.getElementById("theme");
  button.textContent = sign;
  button.setAttribute("aria-label", `Colors: ${words}`);
  redrawAll();
}

function redrawAll() {
  for (const redraw of redraws) redraw();
}

document.getElementById("theme").addEventListener("click", () => useTheme(theme + 1));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

// Paper is white: print in the light colors, then go back to those of before.
let before = 0;
addEventListener("beforeprint", () => { before = theme; useTheme(1); });
addEventListener("afterprint", () => useTheme(before));
