// Camera, microphone and clipboard of a widget (W2): nothing before the person granted them, what was granted after it, nothing
// again after it was taken back; in the browser of `hedgerow open` and in a plain one, over a real node.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { appFrame, closeBrowser, openHub, raw } from "../lib/browser.mjs";
import { folder, Node, until } from "../lib/node.mjs";
import { zip } from "../lib/pack.mjs";

after(closeBrowser);
/** A camera and a microphone that are not there, and a browser that asks nobody for them: what remains is the node's word. */
const DEVICES = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const NAMES = ["camera", "microphone", "clipboard"];

function packed(t, name, permissions) {
  const asks = `[hedgerow]\npermissions = [${permissions.map((p) => `{ name = "${p}", reason = "to try it" }`).join(", ")}]\n`;
  const path = join(folder(t, "app"), `${name}.xdc`);
  writeFileSync(path, zip({ "manifest.toml": `name = "${name}"\n${asks}`, "index.html": `<!doctype html><script src="webxdc.js"></script><video muted></video><p>${name}` }));
  return path;
}

/** The dashboard that a browser begins with. */
const opened = (context) => until("the dashboard", async () => context.pages().find((page) => page.url().includes("//hub.localhost")));

/** What the page can do now: "got", or the name of the error. */
const tried = (frame) => frame.evaluate(async () => {
  const how = (promise) => promise.then(() => "got", (e) => e.name);
  const media = (what) => how(navigator.mediaDevices.getUserMedia(what).then((stream) => stream.getTracks().forEach((track) => track.stop())));
  return {
    camera: await media({ video: true }),
    microphone: await media({ audio: true }),
    clipboard: await how(navigator.clipboard.writeText("copied").then(() => navigator.clipboard.readText()).then((text) => { if (text !== "copied") throw new Error(text); })),
  };
});
const REFUSED = "NotAllowedError";
const only = (...granted) => Object.fromEntries(NAMES.map((name) => [name, granted.includes(name) ? "got" : REFUSED]));

/** What a page may do with a picture once it has one: show it, keep it, record it. And what it may not: call somebody. */
const used = (frame) => frame.evaluate(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const video = document.querySelector("video");
  video.srcObject = stream;
  await video.play();
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const picture = await new Promise((done) => canvas.toBlob(done));
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = (e) => parts.push(e.data);
  recorder.start();
  await new Promise((done) => setTimeout(done, 700));
  await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
  const film = document.createElement("video");
  film.muted = true;
  film.src = URL.createObjectURL(new Blob(parts, { type: recorder.mimeType }));
  const plays = await film.play().then(() => true, (e) => String(e));
  const found = [];
  const call = new RTCPeerConnection({ iceServers: [{ urls: "stun:127.0.0.1:9" }] });
  call.onicecandidate = (e) => e.candidate && found.push(e.candidate.candidate);
  stream.getTracks().forEach((track) => call.addTrack(track, stream));
  await call.setLocalDescription(await call.createOffer());
  await new Promise((done) => setTimeout(done, 800));
  const answer = { width: video.videoWidth, picture: picture.size, plays, found, call: call.connectionState };
  call.close();
  stream.getTracks().forEach((track) => track.stop());
  return answer;
});

for (const tier of ["strict", "partial"]) {
  test(`a widget has the camera, the microphone and the clipboard while they are granted and no longer (${tier})`, async (t) => {
    const node = await Node.start(t);
    const context = await raw(t, node, tier, DEVICES);
    const place = async (name, permissions, count = 1) => {
      const { uuid } = await node.run("widget", "install", packed(t, name, permissions));
      const placed = [];
      for (let i = 0; i < count; i++) placed.push(await node.run("instance", "add", uuid));
      return placed;
    };
    const [asks, sibling] = await place("asks", NAMES, 2);
    const [silent] = await place("silent", []);
    const page = tier === "strict" ? await opened(context) : await openHub(context, node);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(page.url()).origin });
    const frame = async (instance) => {
      const found = await appFrame(page, instance.origin);
      await found.locator("body").click();
      return found;
    };
    const has = async (instance, expected, what) => assert.deepEqual(await tried(await frame(instance)), expected, what);
    const becomes = (instance, expected, what) => until(`${what}`, async () => {
      const now = await tried(await frame(instance));
      return JSON.stringify(now) === JSON.stringify(expected);
    });
    const anyway = tier === "partial" ? ["--anyway"] : [];

    await has(asks, only(), "nothing before the person said yes");
    await has(silent, only(), "nothing without being asked for");
    await node.run("grant", "allow", asks.instance, "camera", ...anyway);
    await becomes(asks, only("camera"), "the camera after a yes, and nothing else");
    const got = await used(await frame(asks));
    assert.ok(got.width > 0 && got.picture > 500, JSON.stringify(got));
    assert.equal(got.plays, true, "a recording of its own can be shown");
    // A plain browser hands out random names of this machine, and connects to nobody (docs/security.md).
    const ways = tier === "strict" ? got.found : got.found.filter((way) => !/ [0-9a-f-]{36}\.local \d+ typ host /.test(way));
    assert.deepEqual(ways, [], "and no way to anybody is found for it");
    await has(sibling, only(), "another instance of the same widget has nothing from it");
    await has(silent, only(), "nor has another widget");
    await node.run("grant", "allow", asks.instance, "microphone", ...anyway);
    await node.run("grant", "allow", asks.instance, "clipboard", ...anyway);
    await becomes(asks, only(...NAMES), "all three");
    const framed = await (await frame(asks)).evaluate(async () => {
      const foreign = document.createElement("iframe");
      foreign.allow = "camera *";
      foreign.src = `data:text/html,<script>navigator.mediaDevices ? navigator.mediaDevices.getUserMedia({ video: true }).then(() => parent.postMessage("got", "*"), (e) => parent.postMessage(e.name, "*")) : parent.postMessage("none", "*")</script>`;
      const said = new Promise((done) => addEventListener("message", (e) => e.source === foreign.contentWindow && done(e.data)));
      document.body.append(foreign);
      return said;
    });
    assert.notEqual(framed, "got", "what stands in a frame of another origin has nothing");
    await node.run("grant", "revoke", asks.instance, "camera");
    await becomes(asks, only("microphone", "clipboard"), "the camera is gone when it was taken back");
    await node.run("grant", "revoke", asks.instance);
    await becomes(asks, only(), "everything is gone");
    if (tier === "partial") {
      await node.run("grant", "allow", asks.instance, "camera");
      await page.waitForTimeout(1_000);
      await has(asks, only(), "what was granted for the strict tier does not count in a plain browser");
    }
    await node.stop();
  });
}
