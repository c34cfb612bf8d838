"""A Slack that takes messages at once, but no faster than its limits, and counts them.

`uvicorn bench.stand_ins.channels:app` answers to

POST /api/chat.postMessage   429 where it is too much, as Slack does
GET  /posted                 JSON: what came, as `Posted` says
POST /api/…                  the rest of the Web API

Slack: a message a second for a channel, several hundred a minute for a workspace, short bursts
aside. `BENCH_A_MINUTE` names the cap, spread over the minute: at most a second's worth comes at
once. Without it there is no limit at all.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, field

from starlette.types import Receive, Scope, Send

from bench.stand_ins.slack import AUTH_TEST

A_MINUTE = float(os.environ.get("BENCH_A_MINUTE", "0"))
CHANNEL_SECONDS = 1.0
POST, POSTED = "/api/chat.postMessage", "/posted"


@dataclass(slots=True)
class Posted:
    """`names` says how often each message came, `last` when one did, in seconds since 1970."""

    names: dict[str, int] = field(default_factory=dict)
    last: float = 0
    refused: int = 0


@dataclass(slots=True)
class Limits:
    """When each channel, and the workspace, may have the next message."""

    a_minute: float
    channels: dict[str, float] = field(default_factory=dict)
    level: float = 0
    """Messages that the workspace still has to digest: it does so at the rate of its cap."""
    at: float = 0

    def wait(self, channel: str, now: float) -> float:
        """Take a message, or say in how many seconds it could be taken."""
        a_second = self.a_minute / 60
        self.level, self.at = max(0.0, self.level - (now - self.at) * a_second), now
        waits = (self.channels.get(channel, 0) - now, (self.level + 1 - a_second) / a_second)
        if (wait := max(waits)) > 0:
            return wait
        self.level += 1
        self.channels[channel] = now + CHANNEL_SECONDS
        return 0


_posted, _limits = Posted(), Limits(A_MINUTE)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = await _body(receive)
    if scope["path"] == POST:
        await _take(json.loads(body), send)
    elif scope["path"] == POSTED:
        await _answer(send, 200, json.dumps(asdict(_posted)).encode())
    else:
        await _answer(send, 200, AUTH_TEST)


async def _take(message: dict[str, object], send: Send) -> None:
    now = time.time()
    wait = _limits.wait(str(message["channel"]), now) if A_MINUTE else 0
    if wait > 0:
        _posted.refused += 1
        await _answer(send, 429, b'{"ok": false, "error": "ratelimited"}', math.ceil(wait))
        return
    name = _name(message)
    _posted.names[name] = _posted.names.get(name, 0) + 1
    _posted.last = now
    taken = {"ok": True, "channel": message["channel"], "ts": f"{now:.6f}", "message": message}
    await _answer(send, 200, json.dumps(taken).encode())


def _name(message: dict[str, object]) -> str:
    """The name that the app gives to what it posts once."""
    metadata = message.get("metadata")
    return str(metadata["event_payload"]["name"]) if isinstance(metadata, dict) else ""


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _answer(send: Send, status: int, body: bytes, retry_after: int = 0) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if retry_after:
        headers.append((b"retry-after", b"%d" % retry_after))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
