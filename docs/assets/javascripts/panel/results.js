// The list of checks: one line each, told in full where it failed.
import { SIGNS, make, points, prose } from "./elements.js";

const TOLD = new Set(["failed", "blocked", "error"]);

export class Results {
  constructor() {
    this.list = make("ol", { class: "lab-checks" });
    this.items = new Map();
  }

  // The checks that are to come, before any has run.
  plan(checks) {
    this.list.replaceChildren();
    this.items.clear();
    for (const check of checks) this.put({ ...check, status: "waiting", points: 0, parts: [] });
  }

  // A whole record, as the server remembers it.
  show(checks) {
    this.plan(checks);
    for (const check of checks) this.put(check);
  }

  running(name, done = 0, of = 0) {
    const item = this.items.get(name);
    if (!item || item.dataset.status !== "waiting" && item.dataset.status !== "running") return;
    item.dataset.status = "running";
    item.querySelector(".lab-check__sign").textContent = SIGNS.running;
    item.querySelector(".lab-check__points").textContent = of ? `${done} of ${of}` : "";
  }

  put(check) {
    const item = make("li", { class: "lab-check", "data-status": check.status, "data-check": check.name });
    item.append(
      make("span", { class: "lab-check__sign", "aria-hidden": "true" }, SIGNS[check.status]),
      make("span", { class: "lab-check__title" }, check.title, make("span", { class: "lab-check__status" }, ` (${check.status})`)),
      make("span", { class: "lab-check__points" }, check.status === "waiting" ? "" : `${points(check.points)}/${points(check.max_points)}`),
    );
    if (TOLD.has(check.status) || (check.status === "skipped" && check.message)) item.append(this.#story(check));
    const old = this.items.get(check.name);
    if (old) old.replaceWith(item);
    else this.list.append(item);
    this.items.set(check.name, item);
  }

  #story(check) {
    const failed = (check.parts || []).filter((part) => part.status === "failed");
    const facts = [["seen", check.observed], ["expected", check.expected], ["why it matters", check.hint]];
    return make(
      "div",
      { class: "lab-check__story" },
      check.message && make("p", {}, ...prose(check.message)),
      make("dl", {}, ...facts.filter(([, text]) => text).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])),
      failed.length ? this.#parts(failed, check.parts.length) : "",
    );
  }

  #parts(failed, of) {
    return make(
      "details",
      {},
      make("summary", {}, `${failed.length} of ${of} parts`),
      make("ul", {}, ...failed.map((part) => make("li", {}, part.title, part.message ? `: ${part.message}` : ""))),
    );
  }
}
