// The course server as the panel sees it: plain requests, and the stream of a running check.

export class Refused extends Error {
  constructor(status, message, fix) {
    super(message);
    this.status = status;
    this.fix = fix;
  }
}

export class Server {
  constructor(token) {
    this.token = token;
  }

  // What the server answers, as an object. Throws Refused with the server's own words, or with ours where it is gone.
  async ask(path, body) {
    const response = await this.#send(path, body);
    return response.json();
  }

  // Calls `tell` with each event of a running check until the stream ends. Returns whether it ended by itself.
  async follow(path, body, tell) {
    const response = await this.#send(path, body);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let last = "";
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split(/\r?\n/);
        rest = lines.pop();
        for (const line of lines) {
          if (!line.startsWith("data:")) continue;
          const event = JSON.parse(line.slice(5));
          last = event.event;
          tell(event);
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (!["done", "cancelled", "problem"].includes(last)) throw gone();
  }

  async #send(path, body) {
    const post = body !== undefined;
    let response;
    try {
      response = await fetch(`/api/labs${path}`, {
        method: post ? "POST" : "GET",
        headers: { "X-Lab-Token": this.token, ...(post && { "Content-Type": "application/json" }) },
        ...(post && { body: JSON.stringify(body) }),
      });
    } catch {
      throw gone();
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new Refused(response.status, told.message || `The course server answered ${response.status}.`, told.fix || "");
  }
}

const gone = () => new Refused(0, "The course server does not answer.", "Start it again with make start, then press the button again.");
