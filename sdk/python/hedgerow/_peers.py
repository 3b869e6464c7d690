"""Messages and streams between the equals of an app on different nodes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import Node

#: Messages that wait for a reader who is slow; then the oldest go.
MAX_MESSAGES = 4096
#: Bytes of a stream that are written at once.
PIECE = 96_000


@dataclass(frozen=True)
class Message:
    """What another member of the app said."""

    #: Who sent it: what to give to ``send``. Proven for a direct message, a claim for a broadcast.
    sender: str
    id: str
    #: What was said: any JSON value.
    content: Any
    #: Pseudonym of who signed it, checked; None if nobody did.
    signed: str | None
    #: ``to_me``, ``group:`` and a name, or ``sealed`` if it could not be opened; None if it was not encrypted.
    encrypted: str | None
    #: Of an encrypted message, what everybody can read.
    clear: Any
    #: It was sent to this node alone.
    direct: bool
    #: The app that it is from, if that is another one.
    from_app: str | None
    #: Somebody waits for a reply, or for a verdict.
    awaits_reply: bool
    awaits_verdict: bool
    _reply: str | None
    _peers: Peers

    async def reply(self, content: Any, **options: Any) -> None:
        """Replies to a message that awaits a reply; ``encrypt`` and ``clear`` as in ``send``."""
        if self._reply is None:
            raise ValueError("nobody waits for a reply to this message")
        await self._peers._call("peers.reply", to=self._reply, message=content, **options)

    async def valid(self) -> None:
        """It may travel on."""
        await self._peers._call("peers.verdict", id=self.id, valid=True)

    async def invalid(self) -> None:
        """It may not, and its signer pays."""
        await self._peers._call("peers.verdict", id=self.id, valid=False)


class Stream:
    """Bytes to and from one member. ``async for`` reads until the other side ended its direction."""

    def __init__(self, peers: Peers, opened: dict[str, Any]) -> None:
        self._peers = peers
        self._number = opened["stream"]
        #: The member.
        self.peer: str = opened["peer"]
        #: What it is for.
        self.name: str = opened["name"]

    async def write(self, data: bytes) -> None:
        """Writes; waits while the other side reads more slowly."""
        for at in range(0, len(data), PIECE):
            text = base64.b64encode(data[at : at + PIECE]).decode()
            await self._peers._node.call("streams.write", stream=self._number, data=text)

    async def read(self) -> bytes:
        """What has come; waits until there is something. Empty at the end."""
        got = await self._peers._node.call("streams.read", stream=self._number)
        return base64.b64decode(got["data"])

    async def end(self) -> None:
        """Nothing more is written; reading goes on."""
        await self._peers._node.call("streams.write", stream=self._number, end=True)

    async def close(self) -> None:
        """Ends both directions."""
        await self._peers._node.call("streams.close", stream=self._number)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece


class Peers:
    """The other members of an app. ``async for`` gives their messages, from the moment of the connection on."""

    def __init__(self, node: Node, app: str | None) -> None:
        self._node = node
        self._who = {} if app is None else {"app": app}
        #: Of events, once it is known.
        self._listener = f"plugin:{node.plugin}" if app is None else None
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self.dropped = 0

    async def _call(self, method: str, **params: Any) -> Any:
        return await self._node.call(method, **self._who, **params)

    async def open(self, *, judge: bool = False, rules: dict[str, Any] | None = None) -> dict[str, Any]:
        """Takes part: ``me``, ``who``, ``links``, ``members``. A plugin does from the start, and needs this to judge only."""
        more = {} if rules is None else {"rules": rules}
        opened: dict[str, Any] = await self._call("peers.open", judge=judge, **more)
        self._listener = self._listener or f"app:{opened['app']}"
        return opened

    async def broadcast(self, content: Any, **options: Any) -> dict[str, Any]:
        """To all members; or with ``broadcast=False`` to ``peerCount`` of them, whose ``replies`` are the answer."""
        sent: dict[str, Any] = await self._call("peers.broadcast", message=content, **options)
        return sent

    async def send(self, to: str, content: Any, **options: Any) -> dict[str, Any] | None:
        """To one member. Answers with the reply, or None if there was none within ``timeout`` seconds."""
        sent = await self._call("peers.send", to=to, message=content, **options)
        reply: dict[str, Any] | None = sent["reply"]
        return reply

    async def list(self) -> list[dict[str, Any]]:
        """Other members: ``peer``, ``who``, ``linked``."""
        members: list[dict[str, Any]] = await self._call("peers.members")
        return members

    async def add_group(self, group: str, key: str | None = None) -> str:
        """Gives a group a new key, or the one of another member; answers the key. ``encrypt="group:NAME"`` uses it."""
        more = {} if key is None else {"key": key}
        added: dict[str, str] = await self._call("secrets.add_group", group=group, **more)
        return added["key"]

    async def open_stream(self, to: str, name: str = "") -> Stream:
        """A stream to a member; it has to accept it."""
        return Stream(self, await self._call("streams.open", to=to, name=name))

    async def accept_stream(self, name: str | None = None, timeout: float = 60) -> Stream:
        """The next stream that a member opens."""
        more = {} if name is None else {"name": name}
        return Stream(self, await self._call("streams.accept", timeout=timeout, **more))

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self._messages.get()) is not None:
            yield message

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] != "peers.message" or event["listener"] != self._listener:
            return
        if self._messages.qsize() >= MAX_MESSAGES:
            self._messages.get_nowait()
            self.dropped += 1
        self._messages.put_nowait(
            Message(
                sender=event["from"],
                id=event["id"],
                content=event["message"],
                signed=event["signed"],
                encrypted=event["encrypted"],
                clear=event["clear"],
                direct=event["direct"],
                from_app=event["from_app"],
                awaits_reply=event["reply"] is not None,
                awaits_verdict=event["judge"],
                _reply=event["reply"],
                _peers=self,
            )
        )

    def _end(self) -> None:
        self._messages.put_nowait(None)
