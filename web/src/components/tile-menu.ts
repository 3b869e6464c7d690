import ArrowDown from "@lucide/svelte/icons/arrow-down";
import ArrowUp from "@lucide/svelte/icons/arrow-up";
import CircleArrowUp from "@lucide/svelte/icons/circle-arrow-up";
import Copy from "@lucide/svelte/icons/copy";
import Info from "@lucide/svelte/icons/info";
import LogOut from "@lucide/svelte/icons/log-out";
import Maximize2 from "@lucide/svelte/icons/maximize-2";
import Pencil from "@lucide/svelte/icons/pencil";
import RotateCw from "@lucide/svelte/icons/rotate-cw";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import ShieldQuestion from "@lucide/svelte/icons/shield-question-mark";
import Trash2 from "@lucide/svelte/icons/trash-2";
import UserPlus from "@lucide/svelte/icons/user-plus";
import type { Component } from "svelte";
import type { Instance } from "../api/types";
import { swap } from "../lib/grid";
import { duplicate, removeInstance, rename } from "../state/actions";
import { apps } from "../state/apps.svelte";
import { data } from "../state/data.svelte";
import { grants, wish } from "../state/grants.svelte";
import { layout } from "../state/layout.svelte";
import { ui } from "../state/ui.svelte";
import type { Item } from "./Menu.svelte";

type Icon = Component<{ size?: number }>;

/** What can be done with a placed widget. Entries that make no sense for its space are left out. */
export function tileMenu(i: Instance, board: string): Item[] {
  const update = data.updates.get(i.uuid);
  const shared = i.space !== "private";
  const wants = grants.quiet.filter((a) => a.instance === i.instance).map(({ permission }): Item => {
    const grant = grants.all.get(i.instance)?.grants.find((g) => g.permission === permission);
    return { name: `Wants to ${grant ? wish(grant) : permission}`, icon: ShieldQuestion as Icon, run: () => grants.open(i.instance, permission) };
  });
  const items: (Item | false | undefined)[] = [
    ...wants,
    update ? { name: `Update to ${update}`, icon: CircleArrowUp as Icon, run: () => ui.open({ kind: "directory", uuid: i.uuid }) } : false,
    shared && !i.closed && { name: "Invite and members", icon: UserPlus as Icon, run: () => ui.open({ kind: "invite", instance: i.instance }) },
    { name: "Rename", icon: Pencil as Icon, run: () => rename(i) },
    { name: "Duplicate", icon: Copy as Icon, run: () => void duplicate(i) },
    ui.maximised === i.instance
      ? { name: "Restore size", icon: Maximize2 as Icon, run: () => (ui.maximised = null) }
      : { name: "Maximise", icon: Maximize2 as Icon, run: () => { ui.maximised = i.instance; ui.say(`${i.name} is maximised; Escape restores it`); } },
    { name: "Reload", icon: RotateCw as Icon, run: () => apps.reload(i.instance) },
    ui.narrow && { name: "Move up", icon: ArrowUp as Icon, run: () => shift(i, board, -1) },
    ui.narrow && { name: "Move down", icon: ArrowDown as Icon, run: () => shift(i, board, 1) },
    { name: "Permissions and activity", icon: ShieldCheck as Icon, run: () => ui.open({ kind: "permissions", instance: i.instance }) },
    { name: "About this widget", icon: Info as Icon, run: () => ui.open({ kind: "directory", uuid: i.uuid }) },
    shared && { name: "Leave", icon: LogOut as Icon, line: true, danger: true, run: () => ui.open({ kind: "leave", instance: i.instance }) },
    { name: "Remove", icon: Trash2 as Icon, line: !shared, danger: true, run: () => void removeInstance(i) },
  ];
  return items.filter((x): x is Item => Boolean(x));
}

function shift(i: Instance, board: string, by: -1 | 1): void {
  const tiles = layout.boards.find((b) => b.id === board)?.tiles;
  if (!tiles) return;
  layout.setTiles(board, swap(tiles, i.instance, by));
  ui.say(`${i.name} moved ${by < 0 ? "up" : "down"}`);
}
