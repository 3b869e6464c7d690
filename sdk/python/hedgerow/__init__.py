"""A Hedgerow node for plugins and programs: calls, events, errors. See README.md."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ._peers import Message, Peers, Stream
from ._transport import Transport, open_transport

__all__ = ["HedgerowError", "Message", "Node", "Peers", "Stream", "connect"]

#: Events that wait for a reader who is slow; then the oldest go.
MAX_EVENTS = 4096


class HedgerowError(Exception):
    """What the node refused or could not do: ``code`` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _place(
    data: str | os.PathLike[str] | None, api: str | None, token_file: str | os.PathLike[str] | None
) -> tuple[str, str]:
    env = os.environ
    if data is None and api is None and "HEDGEROW_API" not in env:
        data = env.get("HEDGEROW_DATA")
    if data is not None:
        folder = Path(data)
        token_file = token_file or folder / "api.token"
        if api is None and (folder / "api.sock").exists():
            api = str(folder / "api.sock")
        elif api is None:
            port = json.loads((folder / "api.json").read_text())["port"]
            api = f"ws://127.0.0.1:{port}/api/ws"
    api = api or env.get("HEDGEROW_API")
    token_file = token_file or env.get("HEDGEROW_TOKEN_FILE")
    if not api or not token_file:
        raise HedgerowError("bad_params", "not started by a node: give data=, its data folder")
    return api, Path(token_file).read_text().strip()


class Node:
    """A connection to a node. ``async with hedgerow.connect() as node`` opens and closes it."""

    #: Name of this plugin; None for a program of the owner.
    plugin: str | None = None
    #: What it was granted; None for a program of the owner, who may everything.
    permissions: list[str] | None = None

    def __init__(self, api: str, token: str) -> None:
        self._api = api
        self._token = token
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._apps: list[Peers] = []
        #: The same plugin on other nodes; for a program of the owner see ``app``.
        self.peers: Peers = Peers(self, None)
        self._readers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._transport: Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._why = "the connection was closed"

    async def __aenter__(self) -> Node:
        self._transport = await open_transport(self._api)
        await self._transport.send(json.dumps({"token": self._token}))
        first = await self._transport.receive()
        hello = json.loads(first) if first else {}
        if not hello.get("ready"):
            await self._transport.close()
            error = hello.get("error", {})
            raise HedgerowError(error.get("code", "closed"), error.get("message", self._why))
        self.plugin = hello.get("plugin")
        self.permissions = hello.get("permissions")
        self.peers = Peers(self, None)
        self._apps = [self.peers]
        self._task = asyncio.create_task(self._read(self._transport))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            await self._transport.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end("closed here")

    async def call(self, method: str, **params: Any) -> Any:
        """Calls a method with parameters by name; answers its result or raises HedgerowError."""
        if self._transport is None or self._task is None or self._task.done():
            raise HedgerowError("closed", self._why)
        number = next(self._numbers)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            await self._transport.send(
                json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            )
            return await waiting
        finally:
            self._waiting.pop(number, None)

    def app(self, name: str) -> Peers:
        """The members of an app, for a program of the owner: UUID of a widget or name of a plugin. Begin with ``open``."""
        peers = Peers(self, name)
        self._apps.append(peers)
        return peers

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Events from now on; ends with the connection. ``event["event"]`` is the name of each."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(MAX_EVENTS)
        self._readers.add(queue)
        try:
            while self._task is not None and not (self._task.done() and queue.empty()):
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            self._readers.discard(queue)

    async def _read(self, transport: Transport) -> None:
        try:
            while (text := await transport.receive()) is not None:
                self._take(json.loads(text))
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            self._why = f"the connection broke: {error}"
        finally:
            self._end(self._why)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "event":
            for peers in self._apps:
                peers._take(message["params"])
            for queue in self._readers:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(message["params"])
        elif message.get("method") == "closing":
            self._why = message["params"]["reason"]
        elif (waiting := self._waiting.get(message.get("id", 0))) and not waiting.done():
            error = message.get("error")
            if error is None:
                waiting.set_result(message.get("result"))
            else:
                code = (error.get("data") or {}).get("code", "bug")
                waiting.set_exception(HedgerowError(code, error["message"]))

    def _end(self, why: str) -> None:
        self._why = why
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(HedgerowError("closed", why))
        for peers in self._apps:
            peers._end()
        for queue in self._readers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)


def connect(
    data: str | os.PathLike[str] | None = None,
    *,
    api: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
) -> Node:
    """The node that started this plugin, or the one of a data folder. Use it with ``async with``."""
    return Node(*_place(data, api, token_file))
