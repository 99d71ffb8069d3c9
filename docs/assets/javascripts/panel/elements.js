// Small makers of elements. Text goes in as text: nothing that a learner or a check wrote is ever read as HTML.

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== ""));
  return element;
}

// Words between back-ticks become code; all else stays text.
export function prose(text) {
  return text.split(/`([^`]+)`/).map((piece, index) => (index % 2 ? make("code", {}, piece) : piece));
}

export const points = (value) => String(Math.round(value * 100) / 100);

export const SIGNS = { passed: "✓", failed: "✗", skipped: "–", blocked: "▢", error: "!", running: "…", waiting: "·" };

export function bar(score, most, label) {
  return make("progress", { class: "lab-bar", value: score, max: most || 1, "aria-label": label });
}
