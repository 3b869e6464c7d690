import type { ComponentInfo, Event, FileTransfer, InstalledWidget, Instance, Member, Notice, Peer, PluginInfo, Status } from "../api/types";
import { call, session } from "./session.svelte";
import { ui } from "./ui.svelte";

/** What the node last said. Everything here is read again after each new connection. */
class Data {
  status = $state.raw<Status | null>(null);
  instances = $state.raw<Instance[]>([]);
  installed = $state.raw<InstalledWidget[]>([]);
  peers = $state.raw<Peer[]>([]);
  notices = $state.raw<Notice[]>([]);
  members = $state.raw<Record<string, Member[]>>({});
  files = $state.raw<FileTransfer[]>([]);
  plugins = $state.raw<PluginInfo[]>([]);
  /** Background parts, by instance. */
  components = $state.raw<ReadonlyMap<string, ComponentInfo>>(new Map());
  /** Bytes of files that move, newer than in the list. */
  fileDone = $state.raw<Record<number, number>>({});
  progress = $state.raw<Record<string, { done: number; total: number }>>({});
  /** Counts changes of the directory, so that an open search repeats itself. */
  directoryRevision = $state(0);
  loaded = $state(false);

  byId = $derived(new Map(this.instances.map((i) => [i.instance, i])));
  updates = $derived(new Map(this.installed.filter((w) => w.update).map((w) => [w.uuid, w.update])));
  offers = $derived(this.files.filter((f) => f.incoming && f.state === "asking").length);
  /** Plugins that do nothing before the owner does something. */
  waiting = $derived(this.plugins.filter((p) => ["new", "changed", "held", "broken"].includes(p.state)).length);
  unseen = $derived(this.notices.filter((n) => !n.seen).length);

  async readAll(): Promise<void> {
    const [status, instances, installed, peers, notices] = await Promise.all([
      call("node.status", {}), call("instance.list", {}), call("widget.list", {}), call("peers.list", {}), call("notices.list", {}),
    ]);
    this.status = status;
    this.instances = instances;
    this.installed = installed;
    this.peers = peers;
    this.notices = notices;
    this.loaded = true;
    this.directoryRevision += 1;
    void this.readMembers();
    void this.readFiles().catch(() => undefined);
    void this.readPlugins().catch(() => undefined);
    void this.readComponents().catch(() => undefined);
  }

  readFiles = async (): Promise<void> => {
    this.files = await call("files.list", {});
    this.fileDone = {};
  };
  readPlugins = async (): Promise<void> => void (this.plugins = await call("plugin.list", {}));
  readComponents = async (): Promise<void> => void (this.components = new Map((await call("component.list", {})).map((c) => [c.instance, c])));
  readStatus = async (): Promise<void> => void (this.status = await call("node.status", {}));
  readPeers = async (): Promise<void> => void (this.peers = await call("peers.list", {}));
  readInstalled = async (): Promise<void> => void (this.installed = await call("widget.list", {}));
  readNotices = async (): Promise<void> => void (this.notices = await call("notices.list", {}));

  async readInstances(): Promise<void> {
    this.instances = await call("instance.list", {});
    void this.readMembers();
  }

  /** Who shares what: for the faces in the title bars. */
  async readMembers(): Promise<void> {
    const shared = this.instances.filter((i) => i.space !== "private");
    const found = await Promise.all(shared.map(async (i) => [i.instance, await call("instance.members", { instance: i.instance }).catch((): Member[] => [])] as const));
    this.members = Object.fromEntries(found);
  }

  onEvent(event: Event): void {
    switch (event.event) {
      case "peers_changed":
        later("peers", this.readPeers);
        later("status", this.readStatus);
        later("instances", () => this.readInstances());
        break;
      case "directory_changed":
        // Records come in bursts when peers meet; what is open reads them together.
        later("directory", async () => void (this.directoryRevision += 1), 300);
        if (this.status) this.status = { ...this.status, directory_size: event.widgets };
        later("installed", this.readInstalled);
        break;
      case "instances_changed":
        later("instances", () => this.readInstances());
        break;
      case "widgets_changed":
        this.directoryRevision += 1;
        later("installed", this.readInstalled);
        later("instances", () => this.readInstances());
        break;
      case "notice":
        this.#notice(event.notice);
        break;
      case "files_changed":
        later("files", this.readFiles);
        break;
      case "plugins_changed":
        later("plugins", this.readPlugins);
        break;
      case "components_changed":
        later("components", this.readComponents);
        break;
      case "file_progress":
        this.fileDone = { ...this.fileDone, [event.number]: event.done };
        break;
      case "fetch_progress":
        this.#fetched(event.uuid, event.done, event.total, event.failed);
        break;
      default:
    }
  }

  #notice(notice: Notice): void {
    this.notices = [notice, ...this.notices.filter((n) => n.id !== notice.id)];
    const show = () => void import("./actions").then((a) => a.followNotice(notice));
    const open = { name: "Show", run: show };
    ui.outside(notice.title || "Hedgerow", notice.text, show);
    ui.toast(notice.title ? `${notice.title}: ${notice.text}` : notice.text, notice.instance || notice.href === "#files" || notice.href === "#plugins" ? open : null);
  }

  #fetched(uuid: string, done: number, total: number, failed: string | null): void {
    const rest = { ...this.progress };
    if (failed !== null || done >= total) delete rest[uuid];
    else rest[uuid] = { done, total };
    this.progress = rest;
  }
}

const timers = new Map<string, ReturnType<typeof setTimeout>>();
/** Several events in a row make one reading. */
function later(what: string, run: () => Promise<void>, wait = 60): void {
  if (timers.has(what)) return;
  timers.set(what, setTimeout(() => {
    timers.delete(what);
    run().catch(() => undefined); // The next connection reads everything.
  }, wait));
}

export const data = new Data();
session.onEvent((event) => data.onEvent(event));
