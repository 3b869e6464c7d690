import { tick } from "svelte";
import { words } from "../api/client";
import type { Instance, Notice, SpaceKind } from "../api/types";
import { reading } from "../lib/grid";
import { apps } from "./apps.svelte";
import { data } from "./data.svelte";
import { layout } from "./layout.svelte";
import { call, session } from "./session.svelte";
import { ui } from "./ui.svelte";

const tileOf = (instance: string) => document.querySelector<HTMLElement>(`[data-instance="${CSS.escape(instance)}"] .tile`);

/** Brings an instance into view, on whichever board it is, and gives it the focus. */
export function goTo(instance: string): void {
  const board = layout.boardOf(instance);
  if (!board) return;
  if (ui.maximised !== instance) ui.maximised = null;
  layout.show(board.id);
  requestAnimationFrame(() => {
    const tile = tileOf(instance);
    tile?.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    tile?.focus();
  });
}

export async function followNotice(notice: Notice): Promise<void> {
  if (notice.instance) {
    if (notice.href) apps.reload(notice.instance, notice.href);
    goTo(notice.instance);
  } else if (notice.href === "#files") {
    ui.open({ kind: "files" });
  } else if (notice.href === "#plugins") {
    ui.open({ kind: "plugins" });
  }
  if (!notice.seen) await call("notices.dismiss", { ids: [notice.id] }).then(data.readNotices).catch(ui.fail.bind(ui));
}

/** Places a widget, fetching it first when it is not here. */
export async function addWidget(uuid: string, space: SpaceKind, name?: string): Promise<Instance> {
  const board = layout.board?.id;
  const instance = await call("instance.add", { uuid, space, ...(name ? { name } : {}), ...(board ? { board } : {}) });
  await Promise.all([data.readInstances(), layout.read(), data.readInstalled()]);
  ui.say(`${instance.name} is on the board`);
  return instance;
}

export async function removeInstance(i: Instance): Promise<void> {
  try {
    await layout.save();
    const tiles = reading(layout.boardOf(i.instance)?.tiles ?? []), at = tiles.findIndex((t) => t.instance === i.instance);
    const next = tiles[at + 1] ?? tiles[at - 1];
    await call("instance.remove", { instance: i.instance });
    await Promise.all([data.readInstances(), layout.read()]);
    await tick();
    (next ? tileOf(next.instance) : document.getElementById("main"))?.focus({ preventScroll: true });
    ui.toast(`${i.name} removed.`, { name: "Undo", run: () => void undoRemove(i) });
  } catch (error) {
    ui.fail(error);
  }
}

export async function undoRemove(i: Instance): Promise<void> {
  try {
    await call("instance.undo_remove", { instance: i.instance });
    await Promise.all([data.readInstances(), layout.read()]);
    ui.say(`${i.name} is back`);
    goTo(i.instance);
  } catch (error) {
    ui.fail(error);
  }
}

export async function duplicate(i: Instance): Promise<void> {
  try {
    const copy = await call("instance.duplicate", { instance: i.instance });
    await Promise.all([data.readInstances(), layout.read()]);
    goTo(copy.instance);
    ui.toast(`${copy.name} is a copy with its own data, only for you.`);
  } catch (error) {
    ui.fail(error);
  }
}

export function rename(i: Instance): void {
  ui.open({
    kind: "name", title: "Rename", label: "Name on this dashboard", value: i.name, action: "Rename",
    save: async (name) => {
      await call("instance.rename", { instance: i.instance, name });
      await data.readInstances();
    },
  });
}

/** Sends a package to the node. Returns its id there. */
export async function upload(file: File): Promise<string> {
  const answer = await fetch("/api/packages", { method: "POST", headers: { authorization: `Bearer ${session.token ?? ""}` }, body: file });
  if (!answer.ok) {
    const text = (await answer.text()).slice(0, 500);
    let said = text;
    try {
      const body = JSON.parse(text) as { message?: unknown; error?: { message?: unknown } };
      said = String(body.message ?? body.error?.message ?? text);
    } catch { /* Plain text is fine. */ }
    throw new Error(said || `The node did not take the file (${answer.status}).`);
  }
  return ((await answer.json()) as { package: string }).package;
}

/** Installs a file for oneself and places it. */
export async function installFile(file: File): Promise<void> {
  const busy = ui.toast(`Installing ${file.name}…`);
  try {
    const id = await upload(file);
    const installed = await call("widget.install", { package: id, file_name: file.name });
    const instance = await addWidget(installed.uuid, "private");
    ui.close();
    ui.dismiss(busy);
    goTo(instance.instance);
    ui.toast(`${installed.name} is installed for you and on the board.`);
  } catch (error) {
    ui.dismiss(busy);
    ui.toast(`${file.name} was not installed. ${words(error)}`, null, true);
  }
}
