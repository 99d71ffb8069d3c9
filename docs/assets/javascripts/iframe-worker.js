// Search from disk. A page opened as file:// may not start a Worker, so the search script runs in a hidden iframe there.
// Over http this file does nothing. (The file name tells Material's offline plugin not to fetch a shim from elsewhere.)
(() => {
  if (location.protocol !== "file:") return;

  class FrameWorker extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      this.scope = frame.contentWindow;
      this.frame = frame;
      const page = frame.contentDocument;
      page.open();
      page.close();
      this.scope.postMessage = (data) => {
        this.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
      };
      this.scope.importScripts = async (...sources) => {
        for (const source of sources) await this.load(new URL(source, url));
      };
      this.ready = this.load(url);
    }

    load(source) {
      const script = this.scope.document.createElement("script");
      script.src = source;
      return new Promise((resolve, reject) => {
        script.onload = resolve;
        script.onerror = () => reject(new Error(`cannot load ${source}`));
        this.scope.document.body.append(script);
      });
    }

    async postMessage(data) {
      await this.ready;
      this.scope.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
    }

    terminate() {
      this.frame.remove();
    }
  }

  window.Worker = FrameWorker;
})();
