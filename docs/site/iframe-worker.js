// Browsers refuse workers to pages that are files. The search then runs in a hidden frame, behind the same two methods.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.append(frame);
      const inner = frame.contentWindow;
      const unsent = [];
      const send = data => inner.dispatchEvent(new inner.MessageEvent("message", {data}));
      this.postMessage = data => unsent.push(data);
      this.terminate = () => frame.remove();
      inner.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
      const script = inner.document.createElement("script");
      script.src = address;
      script.onload = () => { this.postMessage = send; unsent.splice(0).forEach(send); };
      inner.document.head.append(script);
    }
  };
}
