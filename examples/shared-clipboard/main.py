"""Shares the clipboard with everybody who has the same key. Put another machine's key into the file `key` in the plugin's
data folder, or give others the one that this one made. Without a clipboard program it uses the file `clipboard.txt`."""

import asyncio
import os
import shutil
from pathlib import Path

import hedgerow

DATA = Path(os.environ["HEDGEROW_PLUGIN_DATA"])
LONGEST = 60_000
PROGRAMS = [("wl-copy", ["wl-copy"], ["wl-paste", "-n"]), ("xclip", ["xclip", "-sel", "c"], ["xclip", "-sel", "c", "-o"]), ("pbcopy", ["pbcopy"], ["pbpaste"])]


class Clipboard:
    def __init__(self) -> None:
        there = "WAYLAND_DISPLAY" in os.environ or "DISPLAY" in os.environ or shutil.which("pbcopy")
        self.program = next((p for p in PROGRAMS if there and shutil.which(p[0])), None)
        self.file = DATA / "clipboard.txt"

    async def run(self, command: list[str], text: str | None = None) -> str:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
        out, _ = await child.communicate(None if text is None else text.encode())
        return out.decode(errors="replace")

    async def get(self) -> str:
        if self.program:
            return await self.run(self.program[2])
        return self.file.read_text() if self.file.exists() else ""

    async def set(self, text: str) -> None:
        if self.program:
            await self.run(self.program[1], text)
        else:
            self.file.write_text(text)


async def main() -> None:
    clipboard, file = Clipboard(), DATA / "key"
    async with hedgerow.connect() as node:
        key = await node.peers.add_group("clipboard", file.read_text().strip() if file.exists() else None)
        if not file.exists():
            file.write_text(key)
            file.chmod(0o600)
            await node.call("notices.add", text=f"To share the clipboard, put this key into {file} on another machine: {key}")
        last = await clipboard.get()

        async def watch() -> None:
            nonlocal last
            while True:
                await asyncio.sleep(0.5)
                text = await clipboard.get()
                if text != last and 0 < len(text) <= LONGEST:
                    last = text
                    await node.peers.broadcast({"text": text}, encrypt="group:clipboard", clear={"kind": "clip"}, immediate=True)

        watching = asyncio.create_task(watch())
        async for message in node.peers:
            if message.encrypted == "group:clipboard" and isinstance(message.content.get("text"), str):
                last = message.content["text"]
                await clipboard.set(last)
                print(f"got {len(last)} characters", flush=True)
        watching.cancel()


asyncio.run(main())
