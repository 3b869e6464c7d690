// C1-C11: the guests, as text of what they do with their first event. `examples/guests.rs` makes components of them.
const WIDGET = (noun, label, types) => `(import "hedgerow:widget/${noun}@0.1.0" "${label}" (func $${noun}-${label} (param ${types})))`;
const LOG = `(import "hedgerow:widget/host@0.1.0" "log" (func $log (param i32 i32)))`;
const SEND = WIDGET("app", "realtime-send", "i32 i32 i32");
const NOW = `(import "hedgerow:widget/host@0.1.0" "now-ms" (func $now (result i64)))`;
const WAKE = `(import "hedgerow:widget/host@0.1.0" "wake-in" (func $wake (param i64)))`;
/** Texts, the same in each guest: "got" at 16, "not" at 24, "aGk=" at 32, a JSON text at 40, a name at 48. */
const TEXTS = `(data (i32.const 16) "got") (data (i32.const 24) "not") (data (i32.const 32) "aGk=") (data (i32.const 40) "1") (data (i32.const 48) "key") (data (i32.const 64) "http://127.0.0.1:9/") (data (i32.const 96) "hello")`;
const GOT = "(call $log (i32.const 16) (i32.const 3))";
const NOT = "(call $log (i32.const 24) (i32.const 3))";
/** `GOT` when the answer at 256 is a good one. */
const TOLD = `(if (i32.load8_u (i32.const 256)) (then ${NOT}) (else ${GOT}))`;
const times = (n, body) => `(local.set $n (i32.const 0)) (loop ${body} (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $n) (i32.const ${n}))))`;
const once = (body) => `(if (i32.eqz (i32.load8_u (local.get $event))) (then ${body}))`;

/** Another world: the same as ours with one more interface, or with a function of another form. */
const wider = (ours, name, interfaces) => `${ours.replace("world component {", `world component {\n  import ${name};`)}\n${interfaces}`;
const foreign = (id, name, pack, interface_, version, label, answer) => ({
  id, name, refused: true,
  spec: (ours) => ({
    wit: wider(ours, `${pack}/${interface_}@${version}`, `package ${pack}@${version} { interface ${interface_} { ${label}: func() -> ${answer}; } }`),
    imports: `${LOG} (import "${pack}/${interface_}@${version}" "${label}" (func $f (result i32)))`, parts: TEXTS, body: once(`(drop (call $f)) ${GOT}`),
  }),
});
const guest = (id, name, imports, body, more = {}) => ({ id, name, spec: () => ({ imports: `${LOG} ${imports}`, parts: `${TEXTS} ${more.parts ?? ""}`, body: more.always ? body : once(body) }), ...more });

export const guests = [
  foreign("C01.wasi.files", "files of WASI", "wasi:filesystem", "preopens", "0.2.0", "get-directories", "u32"),
  foreign("C01.wasi.sockets", "sockets of WASI", "wasi:sockets", "instance-network", "0.2.0", "instance-network", "u32"),
  foreign("C01.wasi.environment", "environment of WASI", "wasi:cli", "environment", "0.2.0", "initial-cwd", "u32"),
  foreign("C01.wasi.clocks", "clocks of WASI", "wasi:clocks", "monotonic-clock", "0.2.0", "now", "u32"),
  foreign("C01.wasi.http", "web requests of WASI", "wasi:http", "outgoing-handler", "0.2.0", "handle", "u32"),
  foreign("C02.interface", "an interface of somebody else", "evil:host", "shell", "1.0.0", "run", "u32"),
  { id: "C02.function", name: "a function that our interface does not have", refused: true, spec: (ours) => ({
    wit: ours.replace("interface app {", "interface app {\n  %open-file: func() -> u32;"), imports: `${LOG} (import "hedgerow:widget/app@0.1.0" "open-file" (func $f (result i32)))`, parts: TEXTS, body: once(`(drop (call $f)) ${GOT}`),
  }) },
  { id: "C02.instance", name: "the data of another instance, by naming it", refused: true, spec: (ours) => ({
    wit: ours.replace("realtime-send: func(data: string)", "realtime-send: func(instance: string, data: string)"),
    imports: `${LOG} (import "hedgerow:widget/app@0.1.0" "realtime-send" (func $f (param i32 i32 i32 i32 i32)))`, parts: TEXTS, body: once(`(call $f (i32.const 48) (i32.const 3) (i32.const 32) (i32.const 4) (i32.const 256)) ${TOLD}`),
  }) },
  { id: "C03.translated", name: "code that somebody else translated, in place of a component", refused: true, made: "translated" },
  { id: "C03.module", name: "a module in place of a component", refused: true, spec: () => ({ wat: `(module (func (export "handle")))` }) },
  { id: "C03.size", name: "a component of 40 MB", refused: true, made: "padded" },

  guest("C05.memory", "320 MB of memory", "", `${times(20, `(if (i32.eq (memory.grow (i32.const 256)) (i32.const -1)) (then ${NOT} (return))) (memory.fill (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16777216)) (i32.const 7) (i32.const 16777216))`)} ${GOT}`),
  guest("C05.memory.start", "128 MB of memory from the start", "", GOT, { parts: "(memory 2048)", ends: true }),
  guest("C05.memories", "20 memories", "", GOT, { parts: "(memory 1)".repeat(20), ends: true }),
  guest("C05.table", "a table of ten million places", "", `(if (i32.eq (table.grow $t (ref.null func) (i32.const 10000000)) (i32.const -1)) (then ${NOT}) (else ${GOT}))`, { parts: "(table $t 1 funcref)" }),
  guest("C06.loop", "a loop without an end", "", "(loop br 0)", { ends: true, bare: (told) => !told.ended }),
  guest("C06.loop.start", "a loop without an end before the first event", "", GOT, { parts: "(func $s (loop br 0)) (start $s)", ends: true, bare: (told) => !told.ended }),
  guest("C06.recursion", "a function that calls itself without an end", "", "(call $f (i64.const 1))", { parts: "(func $f (param i64) (call $f (local.get 0)) (call $f (local.get 0)))", ends: true, deep: true }),
  guest("C07.host", "the clock without an end", NOW, "(loop (drop (call $now)) (br 0))", { ends: true, bare: (told) => told.calls > 1_000_000 }),
  guest("C07.calls", "20,000 calls", SEND, `${times(20_000, "(call $app-realtime-send (i32.const 32) (i32.const 4) (i32.const 256))")} ${GOT}`, { took: (how) => how.calls > 650, bare: (told) => told.calls >= 20_000, patience: 6_000 }),
  guest("C07.bytes", "60 MB to others", SEND, `(memory.fill (i32.const 100000) (i32.const 65) (i32.const 60000)) ${times(1_000, "(call $app-realtime-send (i32.const 100000) (i32.const 60000) (i32.const 256))")} ${GOT}`, { took: (how) => how.bytes > 6 << 20, bare: (told) => told.bytes > 50_000_000, patience: 6_000 }),
  guest("C07.page", "20,000 messages to its page", WIDGET("host", "tell-page", "i32 i32 i32"), `${times(20_000, `(call $host-tell-page (i32.const 40) (i32.const 1) (i32.const 256)) (if (i32.load8_u (i32.const 256)) (then ${NOT} (return)))`)} ${GOT}`, { bare: (told) => told.calls >= 20_000 }),
  guest("C07.log", "100 MB of lines", "", `(memory.fill (i32.const 100000) (i32.const 120) (i32.const 1000)) ${times(100_000, "(call $log (i32.const 100000) (i32.const 1000))")}`, { took: (_, lines) => lines.join("").length > 80 << 10, bare: (told) => told.bytes > 20_000_000, ran: (_, lines) => lines.length > 10 }),
  guest("C08.text", "a line of 7 MB", "", `(drop (memory.grow (i32.const 64))) (call $log (i32.const 100000) (i32.const 7000000)) ${GOT}`, { ends: true, bare: (told) => told.bytes >= 7_000_000 }),
  guest("C08.keep", "4 MB to be kept", WIDGET("host", "keep", "i32 i32 i32 i32 i32 i32"), `${times(40, `(i32.store8 (i32.const 48) (i32.add (i32.const 65) (local.get $n))) (call $host-keep (i32.const 48) (i32.const 3) (i32.const 1) (i32.const 100000) (i32.const 100000) (i32.const 256)) (if (i32.load8_u (i32.const 256)) (then ${NOT} (return)))`)} ${GOT}`),
  guest("C09.contacts", "the people that the owner knows, without the permission", WIDGET("contacts", "list", "i32"), `(call $contacts-list (i32.const 256)) ${TOLD}`),
  guest("C09.peers", "messages to others, without the permission", WIDGET("peers", "members", "i32"), `(call $peers-members (i32.const 256)) ${TOLD}`),
  guest("C09.notices", "a notification, without the permission", WIDGET("notices", "add", "i32 i32 i32 i32 i32 i32"), `(call $notices-add (i32.const 96) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) ${TOLD}`),
  guest("C09.web", "a web request, without the permission", WIDGET("web", "fetch", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32"), `(call $web-fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 19) (i32.const 256)) ${TOLD}`),
  guest("C09.web.loopback", "a web request to this machine, with the permission for another host", WIDGET("web", "fetch", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32"), `(call $web-fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 19) (i32.const 256)) ${TOLD}`, { web: "example.org" }),
  guest("C09.revoked", "going on after the permission to run was taken back", `${WAKE} ${SEND}`, `(call $app-realtime-send (i32.const 32) (i32.const 4) (i32.const 256)) (call $log (i32.const 96) (i32.const 5)) (call $wake (i64.const 1000))`, { always: true, revoke: true, bare: (told) => told.lines >= 3 && told.calls >= 3 }),
];
/** Beside these many run at once. */
export const CROWD = { id: "C10.many", name: "24 components that all compute without an end", of: "C06.loop", count: 24 };
/** What one function with very many values that all live at once costs a translator: minutes. */
const MANY = 20_000;
const each = (line) => Array.from({ length: MANY }, (_, i) => line(i)).join(" ");
/** While it is translated, another one is. */
export const LABOUR = {
  id: "C04.translate", name: "a component that takes minutes to translate", beside: "C09.contacts",
  spec: () => ({
    imports: LOG, body: "",
    parts: `${TEXTS} (func (param i32) (result i32) (local ${"i32 ".repeat(MANY)})
      ${each((i) => `(local.set ${i + 1} (i32.add (local.get 0) (i32.const ${i})))`)}
      ${"(loop ".repeat(200)} ${each((i) => `(local.set ${((i * 31) % MANY) + 1} (i32.mul (local.get ${i + 1}) (local.get ${((i * 7919) % MANY) + 1})))`)}
      (br_if 0 (local.get 0)) ${")".repeat(200)} (local.get 1))`,
  }),
};
