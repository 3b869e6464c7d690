import Files from "@lucide/svelte/icons/files";
import Hammer from "@lucide/svelte/icons/hammer";
import KeyRound from "@lucide/svelte/icons/key-round";
import Link from "@lucide/svelte/icons/link";
import Settings from "@lucide/svelte/icons/settings";
import Upload from "@lucide/svelte/icons/upload";
import Network from "@lucide/svelte/icons/network";
import Blocks from "@lucide/svelte/icons/blocks";
import Package from "@lucide/svelte/icons/package";
import UserRound from "@lucide/svelte/icons/user-round";
import Users from "@lucide/svelte/icons/users";
import type { Component } from "svelte";
import { installFile } from "../state/actions";
import { data } from "../state/data.svelte";
import { call } from "../state/session.svelte";
import { ui } from "../state/ui.svelte";
import type { Item } from "./Menu.svelte";

type Icon = Component<{ size?: number }>;

/** Asks for a file without an input in the page. */
export function pickFile(then: (file: File) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".xdc,application/x-webxdc,application/zip";
  input.onchange = () => { const file = input.files?.[0]; if (file) then(file); };
  input.click();
}

function setName(): void {
  ui.open({
    kind: "name", title: "Your name", label: "What shall others call you?", value: "", action: "Save",
    save: async (value) => {
      await call("profile.set", { name: value });
      await data.readStatus();
      ui.toast("Name saved. Others see it from now on.");
    },
  });
}

export function mainMenu(): Item[] {
  const reminder: Item[] = data.status && !data.status.recovery_confirmed ? [{ name: "Write down your recovery words", icon: KeyRound as Icon, run: () => ui.open({ kind: "welcome", step: "words" }) }] : [];
  const name: Item[] = data.status?.name === "" ? [{ name: "Set your name", icon: UserRound as Icon, run: setName }] : [];
  return [
    ...name,
    ...reminder,
    { name: "Join with an invitation", icon: Link as Icon, run: () => ui.open({ kind: "join" }) },
    { name: "People and peers", icon: Users as Icon, run: () => ui.open({ kind: "people" }) },
    { name: data.offers ? `Files, ${data.offers} for you` : "Files", icon: Files as Icon, run: () => ui.open({ kind: "files" }) },
    { name: data.waiting ? `Plugins, ${data.waiting} for you to look at` : "Plugins", icon: Blocks as Icon, run: () => ui.open({ kind: "plugins" }) },
    { name: "Connection", icon: Network as Icon, run: () => ui.open({ kind: "connection" }) },
    { name: "Install from a file", icon: Package as Icon, line: true, run: () => pickFile((file) => void installFile(file)) },
    { name: "Your widgets", icon: Hammer as Icon, run: () => ui.open({ kind: "directory", part: "mine" }) },
    { name: "Publish a widget", icon: Upload as Icon, run: () => ui.open({ kind: "publish" }) },
    { name: "Settings", icon: Settings as Icon, line: true, run: () => ui.open({ kind: "settings" }) },
  ];
}
