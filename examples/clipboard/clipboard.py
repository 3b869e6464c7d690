#!/usr/bin/env python3
"""A clipboard shared with other machines, over named streams of Hedgerow (J2).

Each machine runs this program. What is copied on one is sent to the peers named on the command line; what comes from
them becomes the clipboard here. It needs Python 3.9 and, for a real clipboard, wl-copy and wl-paste (Wayland) or
xclip (X11); with --file a file is the clipboard.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

MOST = 1 << 20  # Larger contents stay where they are.


class FileClipboard:
    """A file as the clipboard: for machines without a screen, and for tests."""

    def __init__(self, path):
        self.path = path

    def read(self):
        try:
            with open(self.path, "rb") as file:
                return file.read(MOST + 1)
        except FileNotFoundError:
            return b""

    def write(self, data):
        # Whole or not at all, so that nobody reads a half.
        folder = os.path.dirname(os.path.abspath(self.path))
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, self.path)


class ProgramClipboard:
    """The clipboard of the desktop, through its own programs."""

    def __init__(self, paste, copy):
        self.paste, self.copy = paste, copy

    def read(self):
        done = subprocess.run(self.paste, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout[: MOST + 1] if done.returncode == 0 else b""

    def write(self, data):
        # These programs stay in the background to hand the text out: they must not keep our output open.
        subprocess.run(self.copy, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def clipboard(path):
    if path:
        return FileClipboard(path)
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-paste"):
        return ProgramClipboard(["wl-paste", "--no-newline"], ["wl-copy"])
    if os.environ.get("DISPLAY") and shutil.which("xclip"):
        xclip = ["xclip", "-selection", "clipboard"]
        return ProgramClipboard([*xclip, "-out"], [*xclip, "-in"])
    sys.exit("clipboard: no clipboard here; install wl-clipboard or xclip, or give --file FILE")


class Shared:
    """What both directions know: the last contents, so that nothing goes round in a circle."""

    def __init__(self, board):
        self.board, self.lock, self.last = board, threading.Lock(), board.read()

    def changed(self):
        """New contents that were copied here, or none."""
        with self.lock:
            now = self.board.read()
            if now == self.last or not now or len(now) > MOST:
                return None
            self.last = now
            return now

    def take(self, data):
        with self.lock:
            if data and data != self.last and len(data) <= MOST:
                self.last = data
                self.board.write(data)
                return True
        return False


def program(options, *words):
    data = ["--data", options.data] if options.data else []
    return [options.hedgerow, *data, *words]


def own_streams(options, peer):
    """The names of the streams from us to a peer, and back: one for each pair, so that no two callers collide."""
    status = subprocess.run(program(options, "--json", "status"), stdout=subprocess.PIPE, check=False)
    known = subprocess.run(program(options, "--json", "peers", "--all"), stdout=subprocess.PIPE, check=False)
    if status.returncode or known.returncode:
        sys.exit("clipboard: no node is running; start one with `hedgerow up`")
    me = json.loads(status.stdout)["node"]
    fits = [p["node"] for p in json.loads(known.stdout) if p["node"].startswith(peer) or p.get("name") == peer]
    if len(fits) != 1:
        sys.exit(f"clipboard: {peer!r} is no peer; see `hedgerow peers --all`")
    them = fits[0]
    return them, f"clipboard-{me[:16]}", f"clipboard-{them[:16]}"


def send(options, them, name, data):
    connect = program(options, "stream", "connect", them[:16], name)
    done = subprocess.run(connect, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def listen(options, shared, them, name):
    """Takes what the peer sends, one stream at a time."""
    while True:
        command = program(options, "stream", "listen", name, "--from", them[:16])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            if shared.take(done.stdout):
                print(f"received {len(done.stdout)} bytes", flush=True)
        else:
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="+", metavar="PEER", help="name of a peer, or the beginning of its id")
    parser.add_argument("--file", help="a file as the clipboard")
    parser.add_argument("--data", help="the node's data folder")
    parser.add_argument("--hedgerow", default="hedgerow", help="the program")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between looks at the clipboard")
    options = parser.parse_args()
    shared = Shared(clipboard(options.file))
    streams = [own_streams(options, peer) for peer in options.peers]
    for them, _, theirs in streams:
        threading.Thread(target=listen, args=(options, shared, them, theirs), daemon=True).start()
    print(f"sharing the clipboard with {len(streams)} peer{'s' * (len(streams) != 1)}", flush=True)
    unsent = {}
    while True:
        data = shared.changed()
        if data is not None:
            unsent = {them: (ours, data) for them, ours, _ in streams}
        for them, (ours, what) in list(unsent.items()):
            if send(options, them, ours, what):
                print(f"sent {len(what)} bytes", flush=True)
                del unsent[them]
        time.sleep(options.every)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
