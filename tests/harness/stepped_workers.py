"""Two workers with an `IdempotentPoster` that run step by step and can be killed or suspended.

They use a real Redis, a scripted Slack, and one clock for Redis, Slack and the workers' timers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import RetryLater
from bot.slack.posting.post_once import (
    IdempotentPoster,
    OutcomeUnknown,
    OutgoingMessage,
    PostRefused,
)
from bot.store.connection import connect
from bot.store.idempotency import IdempotencyClaims
from bot.store.rate_limits import MessageRateLimiter
from tests.harness.app import patient
from tests.harness.clock import FakeClock
from tests.harness.redis_clock import ClockedRedis

PER_PAGE = 4  # messages per page of the history; Slack may return fewer than requested
LATE_SECONDS = 15.0  # seconds until a message without a response may appear
MOST_STEPS = 200
ANSWERED = "Redis has answered"


class ClockedLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers use only a test's clock: a slow machine changes nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        super().__init__()

    def time(self) -> float:
        return self._clock()


class Gate:
    """Blocks a worker until the test lets it continue."""

    def __init__(self) -> None:
        self.place, self.is_shut = "", False
        self.arrived = asyncio.Event()
        self._passed: asyncio.Future[None] | None = None

    async def block(self, place: str) -> None:
        if self.is_shut:
            raise asyncio.CancelledError
        self.place = place
        self._passed = asyncio.get_running_loop().create_future()
        self.arrived.set()
        await self._passed

    def release(self) -> None:
        self.arrived.clear()
        if self._passed is not None and not self._passed.done():
            self._passed.set_result(None)


class GatedRedis(ClockedRedis):
    """A worker's client, which waits at its gate after each round trip."""

    gate: Gate
    calls = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        GatedRedis.calls += 1
        await self.gate.block(ANSWERED)
        return answer


@dataclass
class ScriptedSlack:
    """Handles each post with the `outcome` of that time. `posted` has all messages."""

    clock: FakeClock
    shows_metadata: bool = True
    history: str = "ok"
    outcome: str = "ok"
    retry_after: int = 5
    posted: list[dict[str, Any]] = field(default_factory=list)
    late: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    searches: int = 0
    on_post: Callable[[dict[str, Any]], None] = lambda message: None

    def post(self, channel: str, **message: Any) -> str:
        """Return the timestamp, or "" if no response arrives.

        Raises the exceptions of slack-sdk, before or after posting.
        """
        sent = {"channel": channel, **message, "ts": f"{self.clock():.6f}", "at": self.clock()}
        if self.outcome == "late":
            self.late.append((self.clock() + LATE_SECONDS, sent))
            return ""
        if self.outcome.endswith(("ok", "posted")):
            self.on_post(sent)
            self.posted.append(sent)
        if self.outcome.startswith("cut"):
            raise aiohttp.ServerDisconnectedError
        if self.outcome == "refused":
            raise refusal("channel_not_found")
        if self.outcome == "limited":
            raise refusal("ratelimited", 429, {"Retry-After": str(self.retry_after)})
        if self.outcome.startswith(("500", "200")):
            raise refusal("internal_error", int(self.outcome[:3]))
        return str(sent["ts"])

    def page(self, channel: str, cursor: str | None, thread: str) -> dict[str, Any]:
        self.searches += 1
        if self.history == "refused":
            raise refusal("missing_scope")
        if self.history == "broken":
            raise refusal("", 503)
        there = [m for m in self.posted if m["channel"] == channel]
        there = [m for m in there if m.get("thread_ts", "") == thread or m["ts"] == thread]
        shown = [m if self.shows_metadata else {**m, "metadata": None} for m in there[::-1]]
        start = int(cursor or 0)
        more = str(start + PER_PAGE) if start + PER_PAGE < len(shown) else ""
        page = shown[start : start + PER_PAGE]
        return {"messages": page, "response_metadata": {"next_cursor": more}}

    def time_passes(self) -> None:
        """Let delayed messages appear."""
        for at, message in [one for one in self.late if one[0] <= self.clock()]:
            self.late.remove((at, message))
            self.posted.append({**message, "at": at})


def refusal(
    word: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> SlackApiError:
    data = {"ok": False, "error": word} if word else "<html>"
    response = SimpleNamespace(data=data, status_code=status, headers=headers or {})
    return SlackApiError("the call failed", response)  # type: ignore[no-untyped-call]


class GatedSlack:
    """A worker's client. A post reaches Slack immediately; its response waits at the gate."""

    def __init__(self, slack: ScriptedSlack, gate: Gate) -> None:
        self._slack, self._gate = slack, gate
        self.limits = 0

    async def chat_postMessage(self, *, channel: str, **message: Any) -> dict[str, str]:  # noqa: N802
        try:
            ts = self._slack.post(channel, **message)
        except (SlackApiError, aiohttp.ClientError):
            self.limits += self._slack.outcome == "limited"
            await self._gate.block("Slack has answered")
            raise
        await self._gate.block("Slack has answered")
        while not ts:
            await self._gate.block("Slack does not answer")
        return {"ts": ts}

    async def conversations_history(self, *, channel: str, **where: Any) -> dict[str, Any]:
        return await self._page(channel, where.get("cursor"), "")

    async def conversations_replies(self, *, channel: str, ts: str, **where: Any) -> dict[str, Any]:
        return await self._page(channel, where.get("cursor"), ts)

    async def _page(self, channel: str, cursor: str | None, thread: str) -> dict[str, Any]:
        await self._gate.block("before the history")
        page = self._slack.page(channel, cursor, thread)
        await self._gate.block("the history has responded")
        return page


class SteppedWorker:
    """Runs one post at a time, step by step."""

    def __init__(self, url: str, clock: FakeClock, slack: ScriptedSlack) -> None:
        self.gate, self.clock = Gate(), clock
        self._pool = connect(patient(url))
        self.redis = GatedRedis(connection_pool=self._pool.connection_pool, clock=clock)
        self.redis.gate = self.gate
        client: Any = GatedSlack(slack, self.gate)
        self._slack = client
        self.once = IdempotentPoster(
            client, IdempotencyClaims(self.redis), MessageRateLimiter(self.redis, 400), self._sleep
        )
        self.wakes_at, self.last_call = 0.0, 0
        self.running: asyncio.Task[str] | None = None
        self.ended: list[str | Exception] = []

    @property
    def slack_limits(self) -> int:
        """Return the number of pauses that Slack requested."""
        return int(self._slack.limits)

    @property
    def is_idle(self) -> bool:
        return self.running is None

    async def start(self, post: OutgoingMessage, message: Mapping[str, Any]) -> None:
        self.gate.arrived.clear()
        self.running = asyncio.create_task(self.once.post(post, message))
        await self._until_blocked()

    async def step(self) -> None:
        """Run to the next gate or to the end."""
        for _ in range(5):  # run expired timers first
            await asyncio.sleep(0)
        if self.running is not None and not self.running.done():
            if self.gate.place == ANSWERED:
                self.last_call = GatedRedis.calls
            self.gate.release()
        await self._until_blocked()

    async def finish(self) -> str | Exception:
        """Step until the post has ended. Return its timestamp or its exception."""
        for _ in range(MOST_STEPS):
            if self.is_idle:
                return self.ended[-1]
            self.clock.now = max(self.clock.now, self.wakes_at)
            await self.step()
        raise AssertionError(f"it doesn't end: {self.gate.place}")

    async def kill(self) -> None:
        """Stop the worker at its current step, like `kill -9`."""
        if self.running is not None:
            self.gate.is_shut = True  # a timeout may replace the cancellation
            self.running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self.running
            self.gate.is_shut, self.running, self.wakes_at = False, None, 0.0

    async def close(self) -> None:
        await self.kill()
        await self._pool.aclose()

    async def _sleep(self, seconds: float) -> None:
        self.wakes_at = self.clock() + seconds
        await self.gate.block("asleep")
        self.wakes_at = 0.0

    async def _until_blocked(self) -> None:
        if self.running is None:
            return
        arrived = asyncio.create_task(self.gate.arrived.wait())
        await asyncio.wait({arrived, self.running}, return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()
        if self.running.done():
            try:
                self.ended.append(self.running.result())
            except (RetryLater, PostRefused, OutcomeUnknown) as error:
                self.ended.append(error)
            self.running = None
