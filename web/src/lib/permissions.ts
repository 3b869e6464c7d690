/** What people read about permissions: where a widget comes from, and for how long it may. */
import type { ComponentRun, GrantInfo, How, Level } from "../api/types";

/** Who wrote it, and what that means. `author` as the directory names them; may be empty. */
export function origin(level: Level, author: string): string {
  const by = author || "somebody";
  return {
    shipped: "Comes with Hedgerow", own: "You published it", trusted: `By ${by}, whom you trust`, stranger: `By ${by}, who is not among the people you trust`,
  }[level];
}

/** Text of a stranger on one line: no control characters, nothing that turns the direction of what stands around it. */
export const tame = (text: string, max = 300): string => {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").replace(/[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu, "").trim();
  return line.length > max ? `${[...line].slice(0, max).join("")}…` : line;
};

/** What it is limited to, beyond what the sentence says already. */
export const limits = (p: { sentence: string; scope: readonly string[] }): string[] => p.scope.filter((part) => !p.sentence.includes(part)).map((part) => tame(part, 120));

/** What is chosen for a permission; `policy` when the settings allow it, without having been asked. */
export type Choice = "ask" | "once" | "while_open" | "always" | "never" | "policy";

export function choiceOf(g: Pick<GrantInfo, "state" | "how" | "by_policy">): Choice {
  if (g.state === "never") return "never";
  if (g.state !== "allowed") return "ask";
  return g.how ?? (g.by_policy ? "policy" : "while_open");
}

export const choiceWords: Record<Choice, string> = {
  ask: "Ask first", once: "For one call", while_open: "While open", always: "Always", never: "Never", policy: "Allowed by your settings",
};

/** What makes no sense for it is not offered: a background part runs when nothing is open. */
export function hows(g: Pick<GrantInfo, "permission" | "single">): How[] {
  if (g.permission === "background") return ["always"];
  return g.single ? ["once", "while_open", "always"] : ["while_open", "always"];
}

export const runWords: Record<ComponentRun, string> = {
  not_allowed: "Does not run: it is not allowed to", compiling: "Is made ready for this machine", running: "Runs in the background",
  paused: "Rests: it used up what it may use in a minute", waiting: "Failed, and is started anew in a moment", held: "Stopped: it failed too often",
};
