"""A stand-in for Slack that enforces the rate limits of messages and counts messages.

`uvicorn bench.stand_ins.channels:app` has these endpoints:

POST /api/chat.postMessage        429 above the rate limits
GET  /api/conversations.info      a channel; 429 after the 50th request within a minute
GET  /api/conversations.history   a channel's messages, newest first; .replies: those of a thread
GET  /posted                      JSON with the fields of `Posted`
POST /api/…                       the rest of the Web API

Slack: one message per second and channel, and several hundred per minute and workspace, apart from
short bursts. `BENCH_A_MINUTE` is the limit of the workspace, applied second by second; without it,
there are no limits.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from bench.stand_ins.slack import AUTH_TEST, request_body

A_MINUTE = float(os.environ.get("BENCH_A_MINUTE", "0"))
CHANNEL_SECONDS = 1.0
INFO, READS_A_MINUTE = "/api/conversations.info", 50
POST, POSTED = "/api/chat.postMessage", "/posted"
READ = ("/api/conversations.history", "/api/conversations.replies")
MOST = 200  # limit of stored messages per channel: more than a benchmark posts


@dataclass(slots=True)
class Posted:
    """Counts of received messages, by their names.

    `last` is the time of the newest message in seconds since 1970. `reads` counts channel lookups.
    """

    names: dict[str, int] = field(default_factory=dict)
    last: float = 0
    refused: int = 0
    reads: int = 0
    reads_refused: int = 0


@dataclass(slots=True)
class Limits:
    """The time of the next allowed message of each channel and of the workspace."""

    a_minute: float
    channels: dict[str, float] = field(default_factory=dict)
    level: float = 0
    """The fill level of the workspace's leaky bucket, which drains at the rate limit."""
    at: float = 0

    def wait(self, channel: str, now: float) -> float:
        """Count a message and return 0, or return the seconds until it would be allowed."""
        a_second = self.a_minute / 60
        self.level, self.at = max(0.0, self.level - (now - self.at) * a_second), now
        waits = (self.channels.get(channel, 0) - now, (self.level + 1 - a_second) / a_second)
        if (wait := max(waits)) > 0:
            return wait
        self.level += 1
        self.channels[channel] = now + CHANNEL_SECONDS
        return 0


@dataclass(slots=True)
class Reads:
    """The times of channel reads within the last minute."""

    taken: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Count a read and return 0, or return the seconds until one would be allowed."""
        while self.taken and now - self.taken[0] >= 60:
            self.taken.popleft()
        if len(self.taken) >= READS_A_MINUTE:
            return 60 - (now - self.taken[0])
        self.taken.append(now)
        return 0


_posted, _limits, _reads = Posted(), Limits(A_MINUTE), Reads()
_channels: dict[str, list[dict[str, Any]]] = defaultdict(list)
"""Messages, newest first, for clients that look for a post with an unknown result."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = await request_body(receive)
    if scope["path"] == POST:
        await _take(json.loads(body), send)
    elif scope["path"] == INFO:
        await _show(_asked(scope)["channel"], send)
    elif scope["path"] in READ:
        await _answer(send, 200, json.dumps(messages(_asked(scope))).encode())
    elif scope["path"] == POSTED:
        await _answer(send, 200, json.dumps(asdict(_posted)).encode())
    else:
        await _answer(send, 200, AUTH_TEST)


def _asked(scope: Scope) -> dict[str, str]:
    return {name: found[0] for name, found in parse_qs(scope["query_string"].decode()).items()}


async def _show(channel_id: str, send: Send) -> None:
    if (wait := _reads.wait(time.time())) > 0:
        _posted.reads_refused += 1
        await _answer(send, 429, b'{"ok": false, "error": "ratelimited"}', math.ceil(wait))
        return
    _posted.reads += 1
    channel = {"id": channel_id, "is_channel": True, "is_member": True, "is_ext_shared": False}
    await _answer(send, 200, json.dumps({"ok": True, "channel": channel}).encode())


def keep(message: dict[str, Any], ts: str) -> dict[str, Any]:
    """Store a message in its channel."""
    kept = {name: message[name] for name in ("metadata", "thread_ts") if name in message}
    _channels[message["channel"]].insert(0, kept | {"ts": ts})
    return {"ok": True, "channel": message["channel"], "ts": ts}


def messages(asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the messages of a channel, or of the thread `ts` in it."""
    thread = asked.get("ts")
    found = [one for one in _channels[asked["channel"]] if one.get("thread_ts") == thread]
    return {"ok": True, "messages": found[:MOST]}


async def _take(message: dict[str, Any], send: Send) -> None:
    now = time.time()
    wait = _limits.wait(str(message["channel"]), now) if A_MINUTE else 0
    if wait > 0:
        _posted.refused += 1
        await _answer(send, 429, b'{"ok": false, "error": "ratelimited"}', math.ceil(wait))
        return
    name = _name(message)
    _posted.names[name] = _posted.names.get(name, 0) + 1
    _posted.last = now
    await _answer(send, 200, json.dumps(keep(message, f"{now:.6f}")).encode())


def _name(message: dict[str, Any]) -> str:
    """Return the app's name of an idempotent post; "" for the baseline, which has none."""
    return str(message["metadata"]["event_payload"]["name"]) if "metadata" in message else ""


async def _answer(send: Send, status: int, body: bytes, retry_after: int = 0) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if retry_after:
        headers.append((b"retry-after", b"%d" % retry_after))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
