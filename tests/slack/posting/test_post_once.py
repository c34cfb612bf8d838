"""A message is posted once: the meaning of Slack's answers, and the waits after them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import RetryLater, StoreUnavailable
from bot.rendering.renderer import Renderer
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import (
    IdempotentPoster,
    OutcomeUnknown,
    OutgoingMessage,
    PostRefused,
    has_marker,
    marker_block_id,
    with_markers,
)
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.idempotency import IdempotencyClaims
from bot.store.rate_limits import MessageRateLimiter
from bot.store.slack_cache import AudienceCache, TimeZoneCache
from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.directory import ADA, TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.workspace import BOT_SCOPES, Workspace
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import Faults, FaultyRedis
from tests.harness.redis_clock import ClockedRedis, clocked
from tests.harness.stepped_workers import ClockedLoop, ScriptedSlack, SteppedWorker

POST, HISTORY = "chat.postMessage", "conversations.history"
MESSAGE = {
    "text": "Daily jobs",
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}],
}


class DispatchHarness:
    """One worker's `IdempotentPoster` with Slack's stand-in; `slept` has its pauses."""

    def __init__(
        self, client: AsyncWebClient, workspace: Workspace, redis: Any, clock: FakeClock
    ) -> None:
        self.client, self.workspace, self.clock = client, workspace, clock
        self.pace, self.posts, self.slept = (
            MessageRateLimiter(redis, 400),
            IdempotencyClaims(redis),
            list[float](),
        )
        self.once = IdempotentPoster(client, self.posts, self.pace, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.forward(seconds)

    def post(self, name: str = "a", channel: str = "C0OPS") -> OutgoingMessage:
        return OutgoingMessage(name, "T0ACME", channel, self.clock())

    async def later(self, post: OutgoingMessage) -> float:
        """The delay before the next attempt."""
        with pytest.raises(RetryLater) as later:
            await self.once.post(post, MESSAGE)
        return later.value.seconds

    def there(self, channel: str = "C0OPS") -> int:
        """The number of messages with this text in the channel."""
        found = self.workspace.messages.of_channel(channel)
        return sum(message.text == MESSAGE["text"] for message in found)

    def fails(self, kind: Any, method: str = POST, **more: Any) -> None:
        self.workspace.faults.add(Fault(kind, method=method, **more))


@pytest.fixture
async def harness(redis: Any, clock: FakeClock) -> AsyncIterator[DispatchHarness]:
    workspace = Workspace(clock)
    async with serving(create_app(workspace)) as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            workspace.bot_token, f"{url}/api/", session=session, retry_handlers=[]
        )
        yield DispatchHarness(client, workspace, clocked(redis, clock), clock)


async def test_posts_and_then_knows_it(harness: DispatchHarness) -> None:
    """A posted message is known: a second call returns the same timestamp without a request."""
    first = await harness.once.post(harness.post(), MESSAGE)
    harness.fails("status", "", times=9)
    assert await harness.once.post(harness.post(), MESSAGE) == first
    assert harness.there() == 1


async def test_a_429_holds_all_channels_back(harness: DispatchHarness) -> None:
    """After a 429, no channel gets a message until Slack's delay has passed."""
    harness.fails("rate_limit", retry_after=30)
    assert await harness.later(harness.post("a")) == 30
    other = harness.post("b", "C0GENERAL")
    harness.clock.forward(20)
    assert await harness.later(other) > 0
    assert harness.there("C0GENERAL") == 0
    harness.clock.forward(10)
    await harness.once.post(other, MESSAGE)
    assert harness.there("C0GENERAL") == 1


async def test_a_429_was_certainly_not_posted(harness: DispatchHarness) -> None:
    """A message refused with 429 is posted by the next attempt without a search."""
    harness.fails("rate_limit", retry_after=1)
    await harness.later(harness.post())
    harness.clock.forward(1)
    harness.fails("refuse", HISTORY, error="missing_scope")
    assert await harness.once.post(harness.post(), MESSAGE)
    assert (harness.there(), len(harness.workspace.faults)) == (1, 1)


@pytest.mark.parametrize("shows_metadata", [True, False])
@pytest.mark.parametrize(
    ("kind", "more", "pause", "is_there"),
    [
        ("status", {}, 2, False),
        ("status_after", {}, 2, True),
        ("status_after", {"status": 200}, 2, True),
        ("html", {}, 2, False),
        ("cut_before", {}, 20, False),
        ("cut_after", {}, 20, True),
    ],
)
async def test_an_unknown_outcome_is_looked_up(
    harness: DispatchHarness,
    kind: str,
    more: Any,
    pause: float,
    is_there: bool,
    shows_metadata: bool,
) -> None:
    """After an unknown outcome, the message is searched by its markers and posted if missing."""
    harness.workspace.shows_metadata = shows_metadata
    harness.fails(kind, **more)
    post = harness.post()
    assert await harness.later(post) == pause
    assert harness.there() == is_there
    harness.clock.forward(pause)
    ts = await harness.once.post(post, MESSAGE)
    (message,) = harness.workspace.messages.of_channel("C0OPS")
    assert message.ts == ts


@pytest.mark.parametrize("shows_metadata", [True, False])
async def test_all_pages_of_the_history_are_searched(
    harness: DispatchHarness, shows_metadata: bool
) -> None:
    """All pages of the history are searched, even after 1,900 newer messages."""
    harness.workspace.shows_metadata = shows_metadata
    post = harness.post()
    for others in (250, 1650):
        harness.fails("cut_after")
        await harness.later(replace(post, key=f"a{others}"))
        for _ in range(others):
            harness.workspace.messages.add("C0OPS", "x", [], user_id=ADA.id)
        harness.clock.forward(20)
        await harness.once.post(replace(post, key=f"a{others}"), MESSAGE)
    assert harness.there() == 2


async def test_a_history_without_end_leaves_it_unknown(harness: DispatchHarness) -> None:
    """After 2,000 messages the search ends, and the message is not posted again."""
    harness.fails("cut_after")
    await harness.later(harness.post())
    for _ in range(2000):
        harness.workspace.messages.add("C0OPS", "x", [], user_id=ADA.id)
    harness.clock.forward(20)
    with pytest.raises(OutcomeUnknown):
        await harness.once.post(harness.post(), MESSAGE)
    assert await harness.once.post(harness.post(), MESSAGE) == ""
    assert harness.there() == 1


async def test_is_found_in_its_thread(harness: DispatchHarness) -> None:
    """A reply is searched in its thread."""
    ts = await harness.once.post(harness.post("parent"), MESSAGE)
    reply = replace(harness.post("reply"), thread_ts=ts)
    harness.clock.forward(2)
    harness.fails("cut_after")
    await harness.later(reply)
    harness.clock.forward(20)
    assert await harness.once.post(reply, MESSAGE) != ts
    assert harness.there() == 2


@pytest.mark.parametrize("error", ["channel_not_found", "is_archived", "invalid_blocks"])
async def test_a_refusal_is_certain(harness: DispatchHarness, error: str) -> None:
    """A refusal names Slack's code, and the next attempt posts without a search."""
    harness.fails("refuse", error=error)
    with pytest.raises(PostRefused) as refused:
        await harness.once.post(harness.post(), MESSAGE)
    assert refused.value.reason == error
    harness.fails("refuse", HISTORY, error="missing_scope")
    harness.clock.forward(2)
    assert await harness.once.post(harness.post(), MESSAGE)


async def test_is_not_posted_again_if_history_cannot_be_read(harness: DispatchHarness) -> None:
    """If the history can't be read, the message is not posted again, and the caller is informed."""
    harness.workspace.bot_scopes = BOT_SCOPES - {"channels:history"}
    harness.fails("status")
    await harness.later(harness.post())
    with pytest.raises(OutcomeUnknown):
        await harness.once.post(harness.post(), MESSAGE)
    assert await harness.once.post(harness.post(), MESSAGE) == ""
    assert harness.there() == 0


@pytest.mark.parametrize(
    ("kind", "more", "pause"),
    [("status", {}, 2), ("cut_before", {"times": 2}, 2), ("rate_limit", {"retry_after": 40}, 40)],
)
async def test_trouble_with_the_history_is_waited_for(
    harness: DispatchHarness, kind: str, more: Any, pause: float
) -> None:
    """After an error, the history is searched again before posting."""
    harness.fails("status_after")
    await harness.later(harness.post())
    harness.fails(kind, HISTORY, **more)
    assert await harness.later(harness.post()) == pause
    assert await harness.once.post(harness.post(), MESSAGE)
    assert harness.there() == 1


async def test_a_long_queue_does_not_wait_in_the_task(harness: DispatchHarness) -> None:
    """A task waits up to 8 s for the rate limit, otherwise it runs again later."""
    for _ in range(19):
        await harness.pace.reserve("T0ACME", "C0OPS", 1000)
    assert await harness.later(harness.post()) == pytest.approx(19 * 1.05 - 4, abs=0.01)
    assert harness.slept == []
    harness.clock.forward(12)
    await harness.once.post(harness.post(), MESSAGE)
    assert harness.slept == [pytest.approx(7.95, abs=0.01)]


async def test_a_busy_post_waits_for_the_end_of_the_claim(harness: DispatchHarness) -> None:
    """A worker waits for another worker's claim exactly until it expires."""
    await harness.posts.claim("a", "another")
    harness.clock.forward(15)
    assert await harness.later(harness.post()) == pytest.approx(5, abs=0.01)


async def test_a_pause_applies_to_reserved_slots(harness: DispatchHarness) -> None:
    """A pause requested by Slack also applies to workers that already have a time slot."""
    await harness.pace.reserve("T0ACME", "C0OPS", 1000)

    async def sleep(seconds: float) -> None:
        harness.clock.forward(seconds)
        await harness.pace.pause("T0ACME", "C0GENERAL", 30)

    once = IdempotentPoster(harness.client, harness.posts, harness.pace, sleep)
    with pytest.raises(RetryLater) as later:
        await once.post(harness.post(), MESSAGE)
    assert later.value.seconds == pytest.approx(30, abs=0.01)
    assert harness.there() == 0


class FaultyClockedRedis(ClockedRedis, FaultyRedis):  # type: ignore[misc]
    """Fails at a chosen round trip, and uses a test clock."""


@pytest.mark.parametrize("after", [True, False])
async def test_redis_may_fail_at_any_call(
    harness: DispatchHarness, redis: Any, after: bool
) -> None:
    """If Redis fails before or after any call, the message is still posted exactly once."""
    await harness.once.post(harness.post("first"), MESSAGE)  # loads the scripts
    for call in range(1, 5):
        faulty = FaultyClockedRedis(
            connection_pool=redis.connection_pool, faults=Faults(), clock=harness.clock
        )
        once = IdempotentPoster(
            harness.client,
            IdempotencyClaims(faulty),
            MessageRateLimiter(faulty, 400),
            harness._sleep,
        )
        post = harness.post(f"a{call}-{after}", "C0GENERAL")
        with faulty.faults.at(call, after=after), pytest.raises(StoreUnavailable):
            await once.post(post, MESSAGE)
        harness.clock.forward(20)
        assert await once.post(post, MESSAGE)
        assert harness.there("C0GENERAL") == call
        harness.clock.forward(2)


class RepeatingRedis(ClockedRedis):
    """Runs one script twice, as redis-py does if the connection breaks before the first answer."""

    until_it_repeats = 1

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        self.until_it_repeats -= args[0] == "EVALSHA"
        if self.until_it_repeats == 0:
            answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            self.until_it_repeats = -1
        return answer


@pytest.mark.parametrize("kind", ["status_after", "status", "rate_limit", "delay"])
async def test_a_script_may_run_twice(harness: DispatchHarness, redis: Any, kind: str) -> None:
    """If any script runs twice, the message is still posted once."""
    for number in range(1, 7):
        repeating = RepeatingRedis(connection_pool=redis.connection_pool, clock=harness.clock)
        repeating.until_it_repeats = number
        once = IdempotentPoster(
            harness.client,
            IdempotencyClaims(repeating),
            MessageRateLimiter(repeating, 400),
            harness._sleep,
        )
        harness.fails(kind, retry_after=1)
        post = harness.post(f"a{number}")
        for _ in range(2):
            with contextlib.suppress(RetryLater):
                await once.post(post, MESSAGE)
            harness.clock.forward(3)
        assert harness.there() == number


# One worker runs while another is suspended or slow.


def two_workers(redis_url: str, clock: FakeClock, slack: ScriptedSlack, story: Any) -> Any:
    """Run a scenario of two workers in an event loop with timers by `clock`; returns its result."""

    async def run() -> Any:
        ada, grace = (SteppedWorker(redis_url, clock, slack) for _ in range(2))
        client: Any = Redis.from_url(redis_url)
        await client.flushall()
        try:
            return await story(ada, grace)
        finally:
            await ada.close()
            await grace.close()
            await client.aclose()

    with asyncio.Runner(loop_factory=lambda: ClockedLoop(clock)) as runner:
        return runner.run(run())


def a_post(clock: FakeClock) -> OutgoingMessage:
    return OutgoingMessage("a", "T", "C", clock())


@pytest.mark.parametrize("seconds", [2.5, 25.0])
def test_a_suspended_worker_does_not_post(redis_url: str, clock: FakeClock, seconds: float) -> None:
    """If a worker is suspended at any step while another continues, the message is posted once."""
    places = set[str]()

    async def suspended(steps: int, ada: SteppedWorker, grace: SteppedWorker) -> bool:
        await ada.start(a_post(clock), MESSAGE)
        for _ in range(steps):
            await ada.step()
        if ada.is_idle:
            return False
        places.add(ada.gate.place)
        clock.forward(seconds)
        await grace.start(a_post(clock), MESSAGE)
        await grace.finish()
        await ada.finish()
        while not slack.posted:
            clock.forward(25)
            await grace.start(a_post(clock), MESSAGE)
            await grace.finish()
        return True

    steps, goes_on = 0, True
    while goes_on:
        slack = ScriptedSlack(clock)

        goes_on = two_workers(redis_url, clock, slack, partial(suspended, steps))
        assert len(slack.posted) == 1
        steps += 1
    assert places == {"Redis has answered", "Slack has answered"}


@pytest.mark.parametrize("seconds", [6.0, 7.9, 14.0])
def test_a_slow_slack_gets_one_post(redis_url: str, clock: FakeClock, seconds: float) -> None:
    """While a worker waits eight seconds for Slack, another one does not post."""
    slack = ScriptedSlack(clock, outcome="late")

    async def story(ada: SteppedWorker, grace: SteppedWorker) -> None:
        await ada.start(a_post(clock), MESSAGE)
        while not slack.late:
            await ada.step()
        slack.outcome = "ok"
        clock.forward(seconds)
        await grace.start(a_post(clock), MESSAGE)
        busy = await grace.finish()
        assert isinstance(busy, RetryLater)
        assert busy.seconds == pytest.approx(20 - seconds, abs=0.1)
        clock.forward(busy.seconds)
        slack.time_passes()
        await grace.start(a_post(clock), MESSAGE)
        await grace.finish()
        assert isinstance(await ada.finish(), RetryLater)

    two_workers(redis_url, clock, slack, story)
    assert len(slack.posted) == 1


def test_an_answer_is_waited_for_eight_seconds(redis_url: str, clock: FakeClock) -> None:
    """A worker waits exactly eight seconds for an answer, within the claim's twenty."""
    slack = ScriptedSlack(clock, outcome="late")

    async def story(ada: SteppedWorker, _: SteppedWorker) -> None:
        await ada.start(a_post(clock), MESSAGE)
        while not slack.late:
            await ada.step()
        clock.forward(7.5)
        await ada.step()
        assert not ada.is_idle
        clock.forward(0.6)
        ended = await ada.finish()
        assert isinstance(ended, RetryLater)
        assert ended.seconds == 20

    two_workers(redis_url, clock, slack, story)


def test_a_search_is_waited_for_eight_seconds(redis_url: str, clock: FakeClock) -> None:
    """A search is cancelled after eight seconds, and the next attempt searches again."""
    slack = ScriptedSlack(clock, outcome="500 posted")

    async def story(ada: SteppedWorker, grace: SteppedWorker) -> None:
        await ada.start(a_post(clock), MESSAGE)
        await ada.finish()
        slack.outcome = "ok"
        await ada.start(a_post(clock), MESSAGE)
        while ada.gate.place != "before the history":
            await ada.step()
        clock.forward(8.1)
        ended = await ada.finish()
        assert isinstance(ended, RetryLater)
        assert ended.seconds == 2
        await grace.start(a_post(clock), MESSAGE)
        assert await grace.finish() == slack.posted[0]["ts"]

    two_workers(redis_url, clock, slack, story)
    assert len(slack.posted) == 1


# Markers


def test_both_marks_name_the_post() -> None:
    """Either marker identifies a message; names of any length fit Slack's 255 characters."""
    name = "digest:" + "x" * 5000
    message = with_markers(MESSAGE, name)
    assert len(marker_block_id(name)) <= 255
    assert has_marker({"metadata": message["metadata"]}, name)
    assert has_marker({"blocks": message["blocks"]}, name)
    other = with_markers(MESSAGE, name + "y")
    assert not has_marker(other, name)
    assert not has_marker({"metadata": None, "blocks": None}, name)


def test_a_marker_does_not_replace_an_id() -> None:
    """The marker uses a block without an id, and leaves the given message unchanged."""
    blocks = [{"type": "divider"}, {"type": "divider", "block_id": "job.1"}]
    given = {"text": "x", "blocks": blocks}
    shown = with_markers(given, "a")["blocks"]
    assert [block["block_id"] for block in shown] == [marker_block_id("a"), "job.1"]
    assert blocks[0] == {"type": "divider"}


# Direct messages


@pytest.fixture
def told(harness: DispatchHarness, redis: Redis) -> Notifier:
    audiences = AudienceCache(redis, Cipher(parse_keys(new_key())), 50)
    zones = TimeZoneCache(redis)
    return Notifier(Renderer.default(), harness.once, harness.client, audiences, zones)


def direct(harness: DispatchHarness) -> list[str]:
    channel = harness.workspace.directory.direct(ADA)
    return [message.text for message in harness.workspace.messages.of_channel(channel.id)]


async def tell(harness: DispatchHarness, told: Notifier) -> bool:
    facts = {"reason": "unauthorized", "tenant": "acme", "count": 1}
    ada = Caller(TEAM_ID, ADA.id)
    return await told.send_direct("a", ada, harness.clock(), "jobs/watch.broken", **facts)


async def test_an_uncertain_direct_message_is_sent_again(
    harness: DispatchHarness, told: Notifier
) -> None:
    """A direct message with an unknown outcome that can't be searched for is sent once more."""
    harness.workspace.bot_scopes = BOT_SCOPES - {"im:history"}
    harness.fails("status_after")
    with pytest.raises(RetryLater):
        await tell(harness, told)
    assert await tell(harness, told)
    assert len(direct(harness)) == 2
    assert await tell(harness, told)
    assert len(direct(harness)) == 2


async def test_the_second_time_is_tried_until_it_is_there(
    harness: DispatchHarness, told: Notifier
) -> None:
    """An error of Slack doesn't lose the second message."""
    harness.workspace.bot_scopes = BOT_SCOPES - {"im:history"}
    harness.fails("status")
    with pytest.raises(RetryLater):
        await tell(harness, told)
    harness.fails("rate_limit", retry_after=3)
    with pytest.raises(RetryLater):
        await tell(harness, told)
    harness.clock.forward(3)
    assert await tell(harness, told)
    assert len(direct(harness)) == 1
