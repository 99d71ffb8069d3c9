// The panel of one lab page: begin, check, hint, reset. The server knows where the learner stands; this only shows it.
import { bar, make, points, prose } from "./elements.js";
import { Results } from "./results.js";

export class Panel {
  constructor(place, server) {
    this.place = place;
    this.server = server;
    this.lab = place.dataset.lab;
    this.results = new Results();
    this.busy = false;
    this.status = make("p", { class: "lab-status", role: "status", "aria-live": "polite" });
    this.notice = make("div", { class: "lab-notice", role: "alert" });
    this.score = make("div", { class: "lab-score" });
    this.hints = make("ol", { class: "lab-hints", "aria-label": "Hints", "aria-live": "polite" });
    this.where = make("p", { class: "lab-where" });
    this.buttons = {
      begin: this.#button("Begin the lab", () => this.#begin(), "md-button--primary"),
      check: this.#button("Check my work", () => this.#check(), "md-button--primary"),
      stop: this.#button("Stop", () => this.server.ask(`/${this.lab}/cancel`, {})),
      hint: this.#button("Hint", () => this.#hint()),
      reset: this.#button("Reset …", () => this.#reset()),
    };
  }

  async open() {
    const title = make("h2", { class: "lab-panel__title", id: "check-my-work" }, "Check my work");
    const row = make("div", { class: "lab-buttons" }, ...Object.values(this.buttons));
    this.place.replaceChildren(title, row, this.status, this.score, this.notice, this.hints, this.results.list, this.where);
    this.place.classList.add("lab-panel--live");
    // A check in another tab, or in a terminal, may have changed where the learner stands.
    addEventListener("focus", () => this.#try(() => this.#refresh()));
    await this.#try(() => this.#refresh());
  }

  #button(text, act, extra = "") {
    // Hidden until the server has said where the learner stands.
    return make("button", { type: "button", class: `md-button ${extra}`, hidden: true, onclick: () => this.#try(act) }, text);
  }

  async #try(act) {
    this.notice.replaceChildren();
    try {
      await act();
    } catch (error) {
      this.#tell(error.message, error.fix || "", error.status === 401);
      if (this.state) this.#render();
      else if (error.status !== 401) this.#offer("Try again", () => this.#try(() => this.#refresh()));
    }
  }

  #tell(message, fix, reload = false) {
    this.notice.replaceChildren(make("p", {}, make("strong", {}, message), " ", ...prose(fix)));
    if (reload) this.#offer("Reload", () => location.reload());
  }

  #offer(text, act) {
    this.notice.append(make("button", { type: "button", class: "md-button", onclick: act }, text));
  }

  async #refresh() {
    if (this.busy) return;
    this.#take(await this.server.ask(`/${this.lab}`));
    if (this.state.running) await this.#follow(`/${this.lab}/events`);
  }

  #take(state) {
    this.state = state;
    if (state.last) this.results.show(state.last.checks);
    else this.results.plan([]);
    this.#render();
  }

  #render() {
    const { begun, last, missing } = this.state;
    const show = { begin: !begun, check: begun && !this.busy, stop: this.busy, hint: begun && !this.busy && last && !this.state.passed, reset: begun && !this.busy };
    for (const [name, button] of Object.entries(this.buttons)) button.hidden = !show[name];
    this.#renderScore();
    this.#renderWhere();
    if (!this.busy) this.status.textContent = this.#summary(begun, last);
    if (missing.length && !this.notice.hasChildNodes()) {
      this.notice.append(...missing.map(({ problem, fix }) => make("p", {}, make("strong", {}, problem), " ", ...prose(fix))));
    }
  }

  #renderScore() {
    const { last } = this.state;
    this.score.replaceChildren();
    if (!last) return;
    const text = `${points(last.score)} of ${points(last.max_score)} points`;
    this.score.append(bar(last.score, last.max_score, text), make("span", {}, last.complete ? text : `${text}, not complete`));
  }

  #renderWhere() {
    this.where.replaceChildren();
    if (!this.state.begun) return;
    const path = this.state.workspace;
    this.where.append("Your files: ", make("code", {}, path), " ");
    this.where.append(this.#small("Copy path", (event) => navigator.clipboard.writeText(path).then(() => (event.target.textContent = "Copied"))));
    if (this.state.can_open) this.where.append(this.#small("Open folder", () => this.#try(() => this.server.ask(`/${this.lab}/open`, {}))));
  }

  #small(text, act) {
    return make("button", { type: "button", class: "lab-small", onclick: act }, text);
  }

  #summary(begun, last) {
    if (!begun) return "Not begun yet. Begin makes a folder of your own with the lab's starting files.";
    if (!last) return "Begun. Work through the steps, then check.";
    const failed = last.checks.filter((check) => check.status === "failed").length;
    if (this.state.passed) return "All checks passed.";
    return failed ? `${failed} ${failed === 1 ? "check" : "checks"} failed in the last run.` : "The last run could not grade everything.";
  }

  async #begin() {
    this.#take(await this.server.ask(`/${this.lab}/begin`, {}));
    this.buttons.check.focus();
  }

  async #check() {
    this.hints.replaceChildren();
    try {
      await this.#follow(`/${this.lab}/check`, {});
    } catch (error) {
      // Another tab was faster: show its run.
      if (error.status !== 409) throw error;
      await this.#follow(`/${this.lab}/events`);
    } finally {
      // The button was away while the check ran, and with it the place of whoever works with the keyboard.
      if (document.activeElement === document.body) this.buttons.check.focus({ preventScroll: true });
    }
  }

  async #follow(path, body) {
    this.busy = true;
    this.status.textContent = "Checking …";
    this.#render();
    const done = new Map();
    let end;
    try {
      await this.server.follow(path, body, (event) => {
        end = event;
        this.#event(event, done);
      });
    } finally {
      this.busy = false;
    }
    this.#take(await this.server.ask(`/${this.lab}`));
    if (end.event === "cancelled") this.status.textContent = "Stopped. The results are those of the run before.";
    if (end.event === "problem") this.#tell(end.message, end.fix);
    if (end.event === "done" && end.result.problem) this.#tell(end.result.problem, "");
  }

  #event(event, done) {
    switch (event.event) {
      case "jail":
        if (event.notice) this.#tell(event.notice, "");
        break;
      case "plan":
        this.results.plan(event.checks);
        break;
      case "start":
        this.status.textContent = "Checking …";
        this.results.running(event.name);
        break;
      case "part":
        done.set(event.name, (done.get(event.name) || 0) + 1);
        this.results.running(event.name, done.get(event.name), event.of);
        break;
      case "result":
        this.results.put(event.check);
        this.status.textContent = `${event.check.title}: ${event.check.status}`;
        break;
    }
  }

  async #hint() {
    const hint = await this.server.ask(`/${this.lab}/hint`, {});
    this.hints.replaceChildren();
    this.hints.append(make("li", { class: "lab-hint" }, make("strong", {}, `Hint ${hint.number} of ${hint.total}: `), ...prose(hint.text)));
    this.buttons.hint.textContent = hint.number < hint.total ? "Next hint" : "Last hint again";
  }

  async #reset() {
    if (!(await this.#sure())) return;
    this.hints.replaceChildren();
    const state = await this.server.ask(`/${this.lab}/reset`, { confirm: this.lab });
    this.#take(state);
    this.status.textContent = `A clean workspace. The old one is kept in ${state.kept}.`;
  }

  #sure() {
    return new Promise((answer) => {
      const close = (value) => () => dialog.close(value);
      const dialog = make(
        "dialog",
        { class: "lab-dialog md-typeset", "aria-labelledby": "lab-dialog-title", onclose: () => (dialog.remove(), answer(dialog.returnValue === "yes")) },
        make("p", { id: "lab-dialog-title" }, make("strong", {}, "Start this lab again?")),
        make("p", {}, "Your folder is put aside, not deleted, and a clean one is made."),
        make("div", { class: "lab-buttons" },
          make("button", { type: "button", class: "md-button", onclick: close("no") }, "Keep my work"),
          make("button", { type: "button", class: "md-button md-button--primary", onclick: close("yes") }, "Start again")),
      );
      document.body.append(dialog);
      dialog.showModal();
    });
  }
}
