// A worker for pages that are opened from a folder, where browsers allow none: the search's script
// runs in a hidden frame instead. Takes the place of a script that would be fetched from elsewhere.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      this.ready = new Promise(resolve => {
        frame.onload = () => {
          const inside = frame.contentWindow;
          const script = inside.document.createElement("script");
          inside.postMessage = data => {
            const event = new MessageEvent("message", { data: structuredClone(data) });
            this.dispatchEvent(event);
            this.onmessage?.(event);
          };
          script.onload = () => resolve(inside);
          script.src = url;
          inside.document.body.append(script);
        };
      });
      document.body.append(frame);
      this.terminate = () => frame.remove();
    }
    postMessage(data) {
      this.ready.then(inside => {
        const event = new inside.MessageEvent("message", { data: structuredClone(data) });
        inside.dispatchEvent(event);
      });
    }
  };
}
