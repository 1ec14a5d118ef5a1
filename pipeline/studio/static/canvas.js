// What all drawings of a page need.

// Give a canvas as many pixels as the screen has for it, and clear it; return its context, in pixels of the page.
export function prepareCanvas(canvas) {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(canvas.clientHeight * scale);
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  return ctx;
}

// Return a color of the style sheet by its name.
export function readColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
