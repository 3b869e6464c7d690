/** Moving between the screens of the directory. Those below stay as they were, so that Back finds everything in its place. */
import { getContext, setContext } from "svelte";
import type { Role, WidgetDetail } from "../api/types";

export type Tab = "about" | "ratings" | "talk" | "issues" | "family" | "versions";

export type View =
  | { view: "front" }
  | { view: "widget"; uuid: string; tab?: Tab }
  | { view: "person"; key: string }
  /** `fork`: it was copied just now, so what to do next is said. */
  | { view: "source"; widget: WidgetDetail; fork?: boolean }
  | { view: "say"; role: Role; subject: string; name: string; person: boolean }
  | { view: "mine" }
  | { view: "settings" };

export interface Nav {
  go(view: View): void;
  back(): void;
  /** Undefined on the first screen, so that it shows no way back. */
  readonly onback: (() => void) | undefined;
  /** Looks for something on the front page. */
  search(change: { query?: string; tag?: string; category?: string }): void;
}

const KEY = Symbol("directory");
export const provide = (nav: Nav): Nav => setContext(KEY, nav);
export const useNav = (): Nav => getContext<Nav>(KEY);
