  // A part of webxdc.js: `stats` and `openWidget` of window.hedgerow, in the scope of that script.

  // ---- lists of the directory: what is popular and new here ------------------------------------------------------
  const listOf = (list) => (options) => call("stats", { list, ...picked(options, ["limit"]) });
  const stats = Object.freeze({
    topWidgets: listOf("top_widgets"),
    newestWidgets: listOf("newest_widgets"),
    topAuthors: listOf("top_authors"),
    topModerators: listOf("top_moderators"),
    similarPeers: listOf("similar_peers"),
  });

  // Shows the page of a widget in the directory. The dashboard does it only after a click in this widget.
  const openWidget = (uuid) => call("open_widget", { uuid: String(uuid) }).then(() => undefined);
