"""The two ways to a node: lines over a Unix socket, messages over a WebSocket. Only the standard library is used."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
from abc import ABC, abstractmethod
from urllib.parse import urlsplit

#: Longest answer, bytes.
LONGEST = 128 * 1024 * 1024
#: What the answer to a WebSocket's key is made with (RFC 6455, 1.3).
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Transport(ABC):
    """Text out, text in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @abstractmethod
    async def send(self, text: str) -> None: ...

    @abstractmethod
    async def receive(self) -> str | None:
        """The next message; None when the other side is gone."""

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass


class _Lines(Transport):
    async def send(self, text: str) -> None:
        self._writer.write(text.encode() + b"\n")
        await self._writer.drain()

    async def receive(self) -> str | None:
        while line := await self._reader.readline():
            if line.strip():
                return line.decode()
        return None


class _Web(Transport):
    TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

    async def greet(self, host: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key.decode()}",
        ]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode().lower()
        if " 101 " not in head[0] or fields.get("sec-websocket-accept") != accept:
            raise ConnectionError(f"this is no node: {head[0]}")

    async def send(self, text: str) -> None:
        await self._frame(self.TEXT, text.encode())

    async def _frame(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self._writer.write(head + mask + masked)
        await self._writer.drain()

    async def receive(self) -> str | None:
        message = b""
        while True:
            try:
                first, second = await self._reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
                if size + len(message) > LONGEST:
                    raise ConnectionError("the node sent too long a message")
                data = await self._reader.readexactly(size)
            except asyncio.IncompleteReadError:
                return None
            kind = first & 0x0F
            if kind == self.CLOSE:
                return None
            if kind == self.PING:
                await self._frame(self.PONG, data)
            elif kind != self.PONG:
                message += data
                if first & 0x80:
                    return message.decode()


async def open_transport(address: str) -> Transport:
    """Opens a path, or an address that begins with ``ws://``."""
    if not address.startswith("ws://"):
        return _Lines(*await asyncio.open_unix_connection(address, limit=LONGEST))
    parts = urlsplit(address)
    web = _Web(*await asyncio.open_connection(parts.hostname, parts.port or 80, limit=LONGEST))
    await web.greet(parts.netloc, parts.path or "/")
    return web
