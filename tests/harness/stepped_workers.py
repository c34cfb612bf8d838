"""Two workers with an `IdempotentPoster`, run step by step, that can be killed or suspended.

Real Redis, a scripted Slack, and one clock for Redis, for Slack and for the timers of the workers.
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
from tests.harness.clock import FakeClock
from tests.harness.redis_clock import ClockedRedis

PER_PAGE = 4  # messages of the history; Slack may give fewer than were asked for
LATE_SECONDS = 15.0  # after which a message may still appear whose post was not answered
MOST_STEPS = 200
ANSWERED = "Redis has answered"


class ClockedLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by a test's clock."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock, self._began = clock, clock()
        super().__init__()

    def time(self) -> float:
        return super().time() + self._clock() - self._began


class Gate:
    """Where a worker stands until it is let through."""

    def __init__(self) -> None:
        self.place, self.is_shut = "", False
        self.arrived = asyncio.Event()
        self._passed: asyncio.Future[None] | None = None

    async def stand(self, place: str) -> None:
        if self.is_shut:
            raise asyncio.CancelledError
        self.place = place
        self._passed = asyncio.get_running_loop().create_future()
        self.arrived.set()
        await self._passed

    def let_through(self) -> None:
        self.arrived.clear()
        if self._passed is not None and not self._passed.done():
            self._passed.set_result(None)


class GatedRedis(ClockedRedis):
    """A worker's client: after each round trip it stands at its gate."""

    gate: Gate
    calls = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        GatedRedis.calls += 1
        await self.gate.stand(ANSWERED)
        return answer


@dataclass
class ScriptedSlack:
    """Does with each post what `outcome` says at that time; `posted` has all messages."""

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
        """The timestamp, "" if no answer comes; raises as slack-sdk does, after posting or not."""
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
        """Messages that Slack was slow with appear."""
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
    """A worker's client. A post reaches Slack at once; its answer may take long."""

    def __init__(self, slack: ScriptedSlack, gate: Gate) -> None:
        self._slack, self._gate = slack, gate
        self.limits = 0

    async def chat_postMessage(self, *, channel: str, **message: Any) -> dict[str, str]:  # noqa: N802
        try:
            ts = self._slack.post(channel, **message)
        except (SlackApiError, aiohttp.ClientError):
            self.limits += self._slack.outcome == "limited"
            await self._gate.stand("Slack has answered")
            raise
        await self._gate.stand("Slack has answered")
        while not ts:
            await self._gate.stand("Slack does not answer")
        return {"ts": ts}

    async def conversations_history(self, *, channel: str, **where: Any) -> dict[str, Any]:
        return await self._page(channel, where.get("cursor"), "")

    async def conversations_replies(self, *, channel: str, ts: str, **where: Any) -> dict[str, Any]:
        return await self._page(channel, where.get("cursor"), ts)

    async def _page(self, channel: str, cursor: str | None, thread: str) -> dict[str, Any]:
        await self._gate.stand("before the history")
        page = self._slack.page(channel, cursor, thread)
        await self._gate.stand("the history has answered")
        return page


class SteppedWorker:
    """Runs one post at a time, as far as it is let."""

    def __init__(self, url: str, clock: FakeClock, slack: ScriptedSlack) -> None:
        self.gate, self.clock = Gate(), clock
        self._pool = connect(url)
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
        """How often Slack has asked it for a pause."""
        return int(self._slack.limits)

    @property
    def is_idle(self) -> bool:
        return self.running is None

    async def start(self, post: OutgoingMessage, message: Mapping[str, Any]) -> None:
        self.gate.arrived.clear()
        self.running = asyncio.create_task(self.once.post(post, message))
        await self._until_it_stands()

    async def step(self) -> None:
        """Through one gate to the next, or to the end."""
        for _ in range(5):  # timers that are over ring first
            await asyncio.sleep(0)
        if self.running is not None and not self.running.done():
            if self.gate.place == ANSWERED:
                self.last_call = GatedRedis.calls
            self.gate.let_through()
        await self._until_it_stands()

    async def finish(self) -> str | Exception:
        """Step until the post has ended; gives its timestamp, or what was raised."""
        for _ in range(MOST_STEPS):
            if self.is_idle:
                return self.ended[-1]
            self.clock.now = max(self.clock.now, self.wakes_at)
            await self.step()
        raise AssertionError(f"it finds no end: {self.gate.place}")

    async def kill(self) -> None:
        """As `kill -9`: it does nothing more, wherever it stands."""
        if self.running is not None:
            self.gate.is_shut = True  # a time-out may take the place of the cancellation
            self.running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self.running
            self.gate.is_shut, self.running, self.wakes_at = False, None, 0.0

    async def close(self) -> None:
        await self.kill()
        await self._pool.aclose()

    async def _sleep(self, seconds: float) -> None:
        self.wakes_at = self.clock() + seconds
        await self.gate.stand("asleep")
        self.wakes_at = 0.0

    async def _until_it_stands(self) -> None:
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
