"""Charts of digests are prepared in advance, never delay a digest, and need Slack's support."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain.accounts import Caller
from bot.domain.digests import ScheduledRun
from bot.store import keys as redis_keys
from bot.store.digests import DigestStore
from bot.tasks.digests import round_robin
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up, stored, to_ada
from tests.store.test_digests import DIGEST

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the harness's clock
DAY = 86400.0
BERLIN = ZoneInfo("Europe/Berlin")
POST = "chat.postMessage"


def fill(harness: AppHarness, days: int) -> None:
    """On the n-th day before the digest n failures; the last a minute before midnight there."""
    midnight = datetime(2026, 11, 24, tzinfo=BERLIN)
    for back in range(days):
        at = midnight - timedelta(days=back, minutes=1)
        stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        metadata = {"version": 1, "createdAt": stamp, "modifiedAt": stamp}
        for _ in range(back + 1):
            harness.emporix_state.add_job(
                "acme", status="failure", message="No order.", metadata=metadata
            )


@pytest.fixture
async def due(connected: AppHarness) -> AppHarness:
    """Ada's digest of #ops is due, with failures on sixteen days; its days are counted."""
    await set_up(connected.person("ada", "ops"))
    fill(connected, 16)
    connected.clock.now = NINE - 3600
    await connected.worker.work()
    connected.clock.now = NINE + 1
    return connected


async def forget_shifts(harness: AppHarness) -> None:
    """Expire the daily counts."""
    await harness.redis.delete(*await harness.redis.keys(redis_keys.lease("*")))


async def digests(harness: AppHarness) -> list[dict[str, Any]]:
    """The messages in the channel outside threads."""
    return [message for message in await in_channel(harness) if not message["thread_ts"]]


def chart_of(message: dict[str, Any]) -> dict[str, Any] | None:
    charts = [one for one in message["blocks"] if one["type"] == "data_visualization"]
    return charts[0] if charts else None


def counts(harness: AppHarness) -> list[str]:
    """The queries for the number of jobs of one status on one day."""
    seen = [one.query for one in harness.emporix_state.requests if one.path.endswith("/jobs")]
    return [query for query in seen if "pageSize=1&" in query]


async def test_the_digest_shows_a_line_for_each_status(due: AppHarness) -> None:
    """The chart has a value for each of the last 14 days, and words below it name the totals."""
    await due.worker.work()
    (digest,) = await digests(due)
    block = chart_of(digest)
    assert block is not None
    chart = block["chart"]
    assert (block["title"], chart["type"]) == ("Jobs per day, 10 to 23 November", "line")
    assert [one["name"] for one in chart["series"]] == ["Failed", "Succeeded", "Skipped"]
    assert [point["value"] for point in chart["series"][0]["data"]] == list(range(14, 0, -1))
    assert chart["axis_config"]["categories"][0] == "10 November"
    words = "Jobs per day, 10 to 23 November: 105 failed (most on 10 November: 14), 0 succeeded"
    assert words in str(digest["blocks"])


async def test_the_days_are_counted_before_the_digest_is_due(due: AppHarness) -> None:
    """A prepared digest counts nothing when due, and a day later only the last day."""
    due.emporix_state.requests.clear()
    await due.worker.work()
    for_report = len(counts(due))
    assert for_report == 10
    due.clock.now = NINE + DAY - 3600
    due.emporix_state.requests.clear()
    await forget_shifts(due)
    await due.worker.work()
    assert len(counts(due)) == 3


async def test_nothing_is_counted_long_before(connected: AppHarness) -> None:
    """Nothing is counted long before a digest is due, nor for one without a chart."""
    await set_up(connected.person("ada", "ops"))
    await set_up(connected.person("ada", "general"), chart=[])
    fill(connected, 3)
    connected.emporix_state.requests.clear()
    connected.clock.now = NINE - 2 * 3600 - 60
    await connected.worker.work()
    assert counts(connected) == []
    await forget_shifts(connected)
    connected.clock.now = NINE - 3600
    await connected.worker.work()
    assert len(counts(connected)) == 14 * 3


async def test_preparing_is_repeated_where_days_are_missing(
    connected: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """After an error, the chart is prepared again later; the log has the reason."""
    caplog.set_level("INFO")
    await set_up(connected.person("ada", "ops"))
    fill(connected, 3)
    connected.emporix_state.faults.add(EmporixFault("status", times=100, path="/jobs", status=500))
    connected.clock.now = NINE - 3600
    await connected.worker.work()
    assert "a day could not be counted" in caplog.text
    connected.emporix_state.faults.clear()
    connected.emporix_state.requests.clear()
    mark = redis_keys.lease("digest_chart:digest-1")
    assert 890 < await connected.redis.ttl(mark) <= 900
    await connected.redis.delete(redis_keys.lease("digest_charts"))
    connected.clock.forward(60)
    await connected.worker.work()
    assert counts(connected) == []
    await forget_shifts(connected)
    connected.clock.forward(900)
    await connected.worker.work()
    assert len(counts(connected)) == 14 * 3


async def test_preparing_names_a_missing_connection(
    connected: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A digest whose owner isn't connected is skipped and logged."""
    caplog.set_level("INFO")
    await set_up(connected.person("ada", "ops"))
    store = DigestStore(connected.redis, connected.cipher)
    digest = await stored(connected)
    await store.save(replace(digest, tenant="globex"), digest)
    connected.clock.now = NINE - 3600
    await connected.worker.work()
    assert "could not prepare the chart of digest digest-1: not_connected" in caplog.text


def test_owners_are_served_in_turn() -> None:
    """Owners are served in turn, and each owner's earliest digest comes first."""
    ada, grace = Caller("T0ACME", "U0ADA"), Caller("T0ACME", "U0GRACE")
    many = [
        replace(DIGEST, id=f"a{n}", owner=ada, scheduled_run=ScheduledRun("2026-11-24", NINE + n))
        for n in range(3)
    ]
    one = replace(DIGEST, id="g", owner=grace, scheduled_run=ScheduledRun("2026-11-24", NINE + 9))
    assert [digest.id for digest in round_robin([*reversed(many), one])] == ["a0", "g", "a1", "a2"]


@pytest.mark.parametrize(("days", "expected"), [(0, False), (1, False), (2, True)])
async def test_two_days_are_needed(connected: AppHarness, days: int, expected: bool) -> None:
    """With fewer than two days of jobs there is no chart, and the digest is posted."""
    await set_up(connected.person("ada", "ops"), quiet="quiet")
    fill(connected, days)
    connected.clock.now = NINE - 3600
    await connected.worker.work()
    connected.clock.now = NINE
    await connected.worker.work()
    (digest,) = await digests(connected)
    assert (chart_of(digest) is not None) is expected
    assert ("Jobs per day" in str(digest["blocks"])) is expected


async def test_a_digest_without_the_tick_has_none(connected: AppHarness) -> None:
    """A digest with its chart turned off has no text about it either."""
    await set_up(connected.person("ada", "ops"), chart=[])
    assert not (await stored(connected)).chart
    fill(connected, 3)
    connected.clock.now = NINE
    await connected.worker.work()
    (digest,) = await digests(connected)
    assert chart_of(digest) is None
    assert "Jobs per day" not in str(digest["blocks"])


async def test_a_refused_chart_is_left_out_once_and_for_a_day(
    due: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """If Slack rejects a chart, this digest and those of the next day are posted without charts."""
    due.workspace.faults.add(Fault("no_charts", times=1, method=POST))
    await due.worker.work()
    (digest,) = await digests(due)
    assert chart_of(digest) is None
    assert "Jobs per day, 10 to 23 November: 105 failed" in str(digest["blocks"])
    assert "Slack refuses charts" in caplog.text
    assert (len(due.workspace.faults), await to_ada(due)) == (0, [])
    assert (await stored(due)).posted_on == "2026-11-24"
    key = redis_keys.charts_refused("T0ACME")
    assert 86_390 < await due.redis.ttl(key) <= 86_400
    await post_one_more(due)
    assert [chart_of(one) for one in await digests(due)] == [None, None]
    await due.redis.delete(key)  # as Redis does after a day
    await post_one_more(due)
    assert [chart_of(one) is not None for one in await digests(due)] == [False, False, True]


async def post_one_more(harness: AppHarness) -> None:
    """Post a digest at once, about another failure."""
    harness.emporix_state.add_job("acme", status="failure", message="No order.")
    harness.clock.forward(60)
    await harness.person("ada", "ops").command("/emporix digest now")
    await harness.worker.work_until(harness.clock() + 10, step=1)


async def test_other_refused_blocks_pause_the_digest(due: AppHarness) -> None:
    """A digest that is rejected even without its chart pauses, and isn't sent a third time."""
    due.workspace.faults.add(Fault("refuse", times=2, method=POST, error="invalid_blocks"))
    await due.worker.work()
    assert (await stored(due)).paused == "slack:invalid_blocks"
    assert len(due.workspace.faults) == 0


@pytest.mark.parametrize("kind", ["cut_after", "status_after", "cut_before", "status"])
async def test_without_its_chart_it_is_posted_exactly_once(due: AppHarness, kind: Any) -> None:
    """A digest without its rejected chart is posted once, however its second attempt ends."""
    due.workspace.faults.add(Fault("no_charts", times=1, method=POST))
    due.workspace.faults.add(Fault(kind, times=1, method=POST))
    await due.worker.work_until(due.clock() + 120, step=1)
    (digest,) = await digests(due)
    assert chart_of(digest) is None


@pytest.mark.parametrize("was_posted", [False, True])
async def test_a_worker_that_died_after_the_refusal_posts_nothing_twice(
    due: AppHarness, was_posted: bool
) -> None:
    """After a worker died in between, the digest is searched for and posted once."""
    due.workspace.faults.add(Fault("no_charts", times=1, method=POST))
    if was_posted:
        before = await stored(due)
        await due.worker.work()
        after = await stored(due)
        await DigestStore(due.redis, due.cipher).save(before, after)
    name = redis_keys.message("digest:digest-1:2026-11-24")
    await due.redis.set(name, f"claim:{due.clock() - 1:.6f}:dead")
    await due.worker.work_until(due.clock() + 120, step=1)
    assert len(await digests(due)) == 1


async def test_a_preview_leaves_the_chart_out(
    due: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A preview shows the numbers as text without trying a chart, and digests keep their chart."""
    ada = due.person("ada", "ops")
    exchange = await ada.command("/emporix digest preview")
    assert [sent["via"] for sent in exchange.sent] == ["response_url"]
    assert "refused" not in caplog.text
    (message,) = exchange.messages
    assert message["ephemeral"]
    assert chart_of(message) is None
    assert "Jobs per day" in str(message["blocks"])
    await due.worker.work()
    (digest,) = await digests(due)
    assert chart_of(digest) is not None
