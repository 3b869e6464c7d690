// 26: packages made to harm whoever opens them. Got when the node takes one in.
import { deflateRawSync } from "node:zlib";
import { resolve } from "node:path";
import { crc32 } from "node:zlib";
import { zip } from "../../lib/pack.mjs";
import { ask } from "../wire.mjs";

const PAGE = { "index.html": "<p>x</p>" };

/** A zip of raw entries: names may repeat and lie, `again` stands for the bytes of the entry before, `deflated` says that the bytes are packed and how long they would be. */
function raw(entries) {
  const parts = [];
  const central = [];
  let at = 0;
  let last = 0;
  for (const { name, bytes, deflated, attributes = 0, again = false } of entries) {
    const path = Buffer.from(name, "latin1");
    const data = Buffer.from(bytes);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(deflated === undefined ? 0 : 8, 4);
    head.writeUInt16LE(0x5821, 8);
    head.writeUInt32LE(deflated?.crc ?? (crc32 ? crc32(data) : 0), 10);
    head.writeUInt32LE(data.length, 14);
    head.writeUInt32LE(deflated?.size ?? data.length, 18);
    head.writeUInt16LE(path.length, 22);
    if (!again) {
      parts.push(Buffer.from("PK\x03\x04"), head, path, data);
      last = at;
      at += 30 + path.length + data.length;
    }
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(attributes, 6);
    tail.writeUInt32LE(last, 10);
    // Made on Unix, so that the attributes mean what they say there.
    central.push(Buffer.from("PK\x01\x02\x14\x03"), head, tail, path);
  }
  const size = central.reduce((sum, b) => sum + b.length, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...central, end]);
}

async function installs(to, bytes) {
  const sent = await to.node.post("/api/packages", "application/octet-stream", bytes);
  if (sent.error) return { got: false, evidence: sent.error.message };
  try {
    const { uuid } = await to.node.call("widget.install", { package: sent.package });
    await to.node.call("widget.remove", { uuid });
    return { got: true, evidence: "installed" };
  } catch (error) {
    return { got: false, evidence: error.message };
  }
}
/** `careless` is what somebody would do who does not look: the control. */
const bad = (id, name, make, careless) => ({ id: `26.${id}`, name, attack: (to) => installs(to, make()), control: async () => ({ got: careless() }) });
const escapes = (name) => () => !resolve("/unpacked", name.replaceAll("\\", "/")).startsWith("/unpacked/");
const page = { name: "index.html", bytes: "<p>x</p>" };
const bomb = () => {
  const size = 512 << 20;
  return { name: "bomb.bin", bytes: deflateRawSync(Buffer.alloc(size), { level: 9 }), deflated: { size, crc: 0 } };
};

export const packages = [
  bad("slip", "a name that leads up", () => zip({ ...PAGE, "../up.js": "1" }), escapes("../up.js")),
  bad("slip.deep", "a name that leads up from a folder", () => zip({ ...PAGE, "a/../../up.js": "1" }), escapes("a/../../up.js")),
  bad("absolute", "an absolute name", () => zip({ ...PAGE, "/etc/x": "1" }), escapes("/etc/x")),
  bad("backslash", "a name with backslashes", () => zip({ ...PAGE, "..\\up.js": "1" }), escapes("..\\up.js")),
  bad("nul", "a name with a zero in it", () => zip({ ...PAGE, "a.js\0.png": "1" }), () => "a.js\0.png".split("\0")[0] === "a.js"),
  bad("symlink", "a symbolic link to outside", () => raw([page, { name: "link", bytes: "/etc/passwd", attributes: 0xa1ff0000 }]), () => (0xa1ff0000 >>> 16 & 0o170000) === 0o120000),
  bad("duplicate", "two files of one name", () => raw([page, { name: "index.html", bytes: "<p>other</p>" }]), () => new Map([["index.html", 1], ["index.html", 2]]).get("index.html") === 2),
  bad("case", "names that differ by case only", () => zip({ ...PAGE, "A.js": "1", "a.js": "2" }), () => "A.js".toLowerCase() === "a.js"),
  bad("bomb", "512 MB in half a megabyte", () => raw([page, bomb()]), () => deflateRawSync(Buffer.alloc(1 << 20)).length < 1 << 20),
  bad("bomb.lies", "512 MB that say they are 10 bytes", () => raw([page, { ...bomb(), deflated: { size: 10, crc: 0 } }]), () => bomb().deflated.size > 10),
  bad("overlap", "300 files of 10 MB that all are the same 10 kB", () => {
    const bytes = deflateRawSync(Buffer.alloc(10 << 20), { level: 9 });
    const crc = crc32 ? crc32(Buffer.alloc(10 << 20)) : 0;
    const one = (i) => ({ name: `f${i}`.padEnd(4, "x"), bytes, deflated: { size: 10 << 20, crc }, again: i > 0 });
    return raw([page, ...Array.from({ length: 300 }, (_, i) => one(i))]);
  }, () => 300 * deflateRawSync(Buffer.alloc(10 << 20)).length > 2 << 20),
  bad("many", "100,000 empty files", () => raw([page, ...Array.from({ length: 65_000 }, (_, i) => ({ name: `f${i}`, bytes: "" }))]), () => true),
  { id: "26.own-script", name: "a webxdc.js of its own", attack: async (to) => {
    const evil = "window.evil = 1;";
    const { uuid, placed } = await to.node.place("own script", { ...PAGE, "webxdc.js": evil });
    const answers = [];
    for (const path of ["/webxdc.js", "/%77ebxdc.js", "/webxdc.js?x"]) answers.push(await ask(to.port, "GET", path, [["host", new URL(placed[0].origin).host]]));
    await to.node.call("widget.remove", { uuid, with_instances: true });
    return { ran: answers.every((a) => a?.status === 200), got: answers.some((a) => a?.body.includes("window.evil")), evidence: answers.map((a) => a?.status).join(" ") };
  }, control: async () => ({ got: { ...PAGE, "webxdc.js": "window.evil = 1;" }["webxdc.js"].includes("evil") }) },
];
