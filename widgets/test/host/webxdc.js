// The webxdc API of the test host: what the node gives a widget, over plain HTTP to a list in memory.
(() => {
  "use strict";
  const config = /*CONFIG*/ {};
  const post = (path, body) => fetch(path, { method: "POST", body });
  let listener = null;
  let realtime = null;
  let pulled = 0;
  let queue = Promise.resolve();

  const give = (update) => {
    if (!listener || update.serial <= pulled) return;
    pulled = update.serial;
    listener(update);
  };
  const pull = () => (queue = queue.then(async () => {
    const updates = await (await fetch(`/-/updates?after=${pulled}`)).json();
    for (const update of updates) give(update);
  }));

  const line = new EventSource("/-/events");
  line.addEventListener("update", () => listener && pull());
  line.addEventListener("realtime", (event) => {
    const { data, sender } = JSON.parse(event.data);
    realtime?.(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), sender);
  });

  const list = (name) => async ({ limit } = {}) => {
    const answer = await fetch(`/-/stats?list=${name}&limit=${limit}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  window.opened = [];
  window.hedgerow = {
    stats: { topWidgets: list("topWidgets"), newestWidgets: list("newestWidgets"), topAuthors: list("topAuthors"), topModerators: list("topModerators"), similarPeers: list("similarPeers") },
    openWidget: async (uuid) => void window.opened.push(uuid),
  };
  window.shared = [];
  window.webxdc = {
    selfAddr: config.addr,
    selfName: config.name,
    sendUpdateInterval: 0,
    sendUpdateMaxSize: 128000,
    async sendUpdate(update) {
      const text = JSON.stringify(update);
      if (text.length > 128000) throw new TypeError("too large");
      const answer = await post("/-/send", text);
      if (!answer.ok) throw new Error(await answer.text());
    },
    async setUpdateListener(callback, serial = 0) {
      listener = callback;
      pulled = serial;
      await pull();
    },
    getAllUpdates: async () => [],
    async sendToChat(message) {
      const { file } = message;
      window.shared.push({ text: message.text, name: file?.name, size: file?.blob?.size, body: file?.blob ? await file.blob.text() : file?.plainText });
    },
    async importFiles() {
      return window.toImport ?? [];
    },
    joinRealtimeChannel() {
      return {
        setListener: (callback) => { realtime = callback; },
        send: (data) => { post("/-/realtime", btoa(String.fromCharCode(...data))); },
        leave: () => { realtime = null; },
      };
    },
  };
})();
