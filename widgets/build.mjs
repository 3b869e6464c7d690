// Builds the starter widgets: dist/<name>/ and dist/<name>.xdc, the same bytes every time.
//   node build.mjs [NAME...]
import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deflateRawSync } from "node:zlib";
import { crc32, ICONS, png } from "./icons.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "dist");
const MAX_PACKAGE = 100_000;
export const WIDGETS = ["shout", "poll", "checklist", "whiteboard", "notes", "calendar", "top-widgets", "newest-widgets", "top-authors", "top-moderators", "similar-peers"];

async function filesIn(folder) {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all.filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath ?? e.path, e.name)).replace(/\\/g, "/")).sort();
}

async function put(path, data) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
}

/** The shared files that a set of scripts imports, directly or through each other, and the style sheets that pages name. */
async function sharedFor(scripts, pages) {
  const wanted = new Set(pages.flatMap((text) => [...text.matchAll(/href="shared\/([a-z]+\.css)"/g)].map(([, name]) => name)));
  const scan = async (text) => {
    for (const [, name] of text.matchAll(/from "\.\/(?:shared\/)?([a-z]+\.js)"/g)) {
      const path = join(HERE, "shared", name);
      const found = await readFile(path, "utf8").catch(() => null);
      if (found === null || wanted.has(name)) continue;
      wanted.add(name);
      await scan(found);
    }
  };
  for (const text of scripts) await scan(text.replace(/from "\.\/(?!shared\/)[a-z]+\.js"/g, ""));
  return [...wanted].sort();
}

async function bundle(source, out, versions) {
  await put(join(source, "package.json"), `${JSON.stringify({
    private: true, type: "module", license: "MIT",
    scripts: { build: "esbuild app.js --bundle --minify --format=esm --target=es2022 --legal-comments=none --outfile=../app.js" },
    dependencies: { yjs: versions.yjs }, devDependencies: { esbuild: versions.esbuild },
  }, null, 2)}\n`);
  await build({ entryPoints: [join(source, "app.js")], outfile: join(out, "app.js"), bundle: true, minify: true, format: "esm", target: "es2022", legalComments: "none", absWorkingDir: HERE, logLevel: "error" });
  const notices = [];
  for (const name of ["yjs", "lib0"]) {
    notices.push(`${name} ${versions[name]}\n\n${(await readFile(join(HERE, "node_modules", name, "LICENSE"), "utf8")).trim()}\n`);
  }
  await put(join(out, "THIRD-PARTY.txt"), notices.join("\n"));
}

/** A zip with fixed dates and sorted names. */
function zip(files) {
  const parts = [];
  const index = [];
  let offset = 0;
  for (const [name, data] of files) {
    const path = Buffer.from(name, "utf8");
    const packed = deflateRawSync(data, { level: 9 });
    const store = packed.length >= data.length;
    const body = store ? data : packed;
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(0x0800, 2);
    head.writeUInt16LE(store ? 0 : 8, 4);
    head.writeUInt16LE(0, 6);
    head.writeUInt16LE(0x21, 8);
    head.writeUInt32LE(crc32(data), 10);
    head.writeUInt32LE(body.length, 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), head, path, body]);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    index.push(Buffer.concat([Buffer.from([0x50, 0x4b, 1, 2, 20, 0]), head, more, path]));
    parts.push(local);
    offset += local.length;
  }
  const table = Buffer.concat(index);
  const end = Buffer.alloc(22);
  end.set([0x50, 0x4b, 5, 6], 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(table.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, table, end]);
}

async function buildOne(name, versions) {
  const from = join(HERE, name);
  const out = join(DIST, name);
  await rm(out, { recursive: true, force: true });
  const files = await filesIn(join(from, "src"));
  const texts = new Map();
  for (const file of files) texts.set(file, await readFile(join(from, "src", file)));
  const manifest = await readFile(join(from, "manifest.toml"), "utf8");
  const bundled = /^source = "source"$/m.test(manifest);
  const scripts = [...texts].filter(([f]) => f.endsWith(".js"));
  const shared = await sharedFor(scripts.map(([, t]) => t.toString("utf8")), [...texts].filter(([f]) => f.endsWith(".html")).map(([, t]) => t.toString("utf8")));
  const code = bundled ? join(out, "source") : out;
  for (const [file, data] of texts) await put(join(file.endsWith(".js") ? code : out, file), data);
  for (const file of shared) await put(join(file.endsWith(".js") ? code : out, "shared", file), await readFile(join(HERE, "shared", file)));
  if (bundled) await bundle(code, out, versions);
  await put(join(out, "manifest.toml"), manifest);
  await put(join(out, "icon.png"), png(ICONS[name]));
  await put(join(out, "LICENSE"), await readFile(join(HERE, "LICENSE")));
  const packed = [];
  for (const file of await filesIn(out)) packed.push([file, await readFile(join(out, file))]);
  const bytes = zip(packed);
  if (bytes.length > MAX_PACKAGE) throw new Error(`${name}.xdc has ${bytes.length} bytes; at most ${MAX_PACKAGE} are allowed`);
  await put(join(DIST, `${name}.xdc`), bytes);
  return bytes.length;
}

/** Builds the named widgets (all without names) and returns their sizes in bytes. */
export async function buildAll(names = WIDGETS) {
  const versions = {};
  for (const name of ["yjs", "lib0", "esbuild"]) {
    versions[name] = JSON.parse(await readFile(join(HERE, "node_modules", name, "package.json"), "utf8")).version;
  }
  const sizes = {};
  for (const name of names) sizes[name] = await buildOne(name, versions);
  return sizes;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const unknown = names.find((n) => !WIDGETS.includes(n));
  if (unknown) {
    console.error(`There is no widget "${unknown}". Known: ${WIDGETS.join(", ")}`);
    process.exit(2);
  }
  const sizes = await buildAll(names.length > 0 ? names : WIDGETS);
  for (const [name, size] of Object.entries(sizes)) console.log(`dist/${name}.xdc  ${(size / 1000).toFixed(1)} kB`);
}
