"""Alerts are loaded as they were saved, and concurrent changes are rejected."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, AlertRow, ChangeBatch, PostedAlert
from bot.domain.conditions import JobChange, Watermark
from bot.domain.filters import Filters
from bot.domain.responses import AlertResponses, MessageResponse, Snooze
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.store import keys as redis_keys
from bot.store.alerts import ALERT_POSTS_SERIALIZER as POSTS_RECORD
from bot.store.alerts import ALERT_SERIALIZER as RECORD
from bot.store.alerts import AlertStore
from tests.store.fixtures import ADA, CIPHER, GRACE

FILTERS = Filters(statuses=("failure",), tenant="acme", words=("late refund",))
ALERT = Alert(
    "a1",
    ADA,
    "C0OPS",
    FILTERS,
    created_at=100.0,
    watermark=Watermark(90.5, 10.0, {"job-1": (90.5, "digest")}),
    polled_at=100.0,
    batch=ChangeBatch(3, 100.0, (JobChange("job-1", "print"), JobChange("job-2")), 50.0, None),
)
POSTS = (PostedAlert("1.0", 100.0, (AlertRow("job-1", "print", 2, 100.0),), 50.0, None),)

CLAIMED = MessageResponse("1.0").after("claim", "U0GRACE", 150.0)
RESPONSES = AlertResponses((CLAIMED,))


@pytest.fixture
def alerts(redis: Any) -> AlertStore:
    return AlertStore(redis, CIPHER)


async def test_reads_back_whole(alerts: AlertStore) -> None:
    """An alert keeps its watermark, batch and posts, and is found by channel and connection."""
    saved = await alerts.save(ALERT, None, POSTS)
    assert saved == replace(ALERT, version=1)
    assert await alerts.load("a1") == saved
    assert await alerts.load_posts("a1") == POSTS
    assert await alerts.of_channel("T0ACME", "C0OPS") == (saved,)
    assert await alerts.of_connection(PolledConnection(ADA, "acme")) == (saved,)


async def test_two_changes_at_once_do_not_undo_each_other(alerts: AlertStore) -> None:
    """The second of two concurrent changes is rejected."""
    saved = await alerts.save(ALERT, None)
    assert saved
    assert await alerts.save(replace(saved, muted_until=200.0), saved)
    assert await alerts.save(replace(saved, batch=None), saved, POSTS) is None
    assert await alerts.load_posts("a1") == ()
    assert (await alerts.of_channel("T0ACME", "C0OPS"))[0].muted_until == 200.0


async def test_moves_to_another_owner(alerts: AlertStore, redis: Any) -> None:
    """An alert that changed its connection is polled through the new one only."""
    saved = await alerts.save(ALERT, None)
    assert saved
    moved = await alerts.save(replace(saved, owner=GRACE), saved)
    assert await alerts.of_connection(PolledConnection(ADA, "acme")) == ()
    assert await alerts.of_connection(PolledConnection(GRACE, "acme")) == (moved,)
    assert (
        await redis.exists(redis_keys.alerts_of_connection(PolledConnection(ADA, "acme").name)) == 0
    )


async def test_whatever_is_saved_is_due(alerts: AlertStore, redis: Any) -> None:
    """Saving never removes a connection from the index, and never postpones a poll."""
    due, name = redis_keys.alerts_due(), PolledConnection(ADA, "acme").name
    saved = await alerts.save(ALERT, None, poll_at=200.0)
    for look_at, at in ((None, 200.0), (300.0, 200.0), (150.0, 150.0)):
        assert saved
        saved = await alerts.save(saved, saved, poll_at=look_at)
        assert await redis.zscore(due, name) == at
    await redis.delete(due)
    assert saved
    assert await alerts.save(saved, saved)
    assert await redis.zscore(due, name) is not None


async def test_leaves_no_trace(alerts: AlertStore, redis: Any) -> None:
    """An alert that was turned off can't be saved again."""
    saved = await alerts.save(ALERT, None, POSTS)
    assert saved
    assert 0 < await redis.ttl(redis_keys.alert_posts("a1")) <= 604_800
    await alerts.responses.update("a1", 200.0, lambda _: RESPONSES)
    assert await alerts.delete(saved)
    assert await redis.keys("*") == []
    assert await alerts.save(saved, saved) is None
    assert await alerts.load("a1") is None


async def test_responses_are_due_until_they_are_shown(alerts: AlertStore, redis: Any) -> None:
    """A response that Slack doesn't show is in the due index, and keeps the alert's messages."""
    due, key = redis_keys.alert_responses_due(), redis_keys.alert_responses("a1")
    await alerts.save(ALERT, None, POSTS)
    await redis.expire(redis_keys.alert_posts("a1"), 60)
    assert await alerts.responses.update("a1", 200.0, lambda _: RESPONSES) == (
        AlertResponses(),
        RESPONSES,
    )
    assert await redis.zscore(due, "a1") == 200.0
    assert min([await redis.ttl(one) for one in (key, redis_keys.alert_posts("a1"))]) > 604_000
    shown = AlertResponses((CLAIMED.after_showing(CLAIMED),))
    await alerts.responses.update("a1", 300.0, lambda _: shown)
    assert await redis.zscore(due, "a1") is None
    assert await alerts.responses.load("a1", "other") == [shown, AlertResponses()]
    assert "U0GRACE" not in str(await redis.hgetall(key))


async def test_unreadable_responses_count_as_none(alerts: AlertStore, redis: Any) -> None:
    """Responses that can't be decrypted don't keep an alert from being posted and claimed."""
    await alerts.responses.update("a1", 200.0, lambda _: RESPONSES)
    await redis.hset(redis_keys.alert_responses("a1"), "record", "unreadable")
    assert await alerts.responses.load("a1") == [AlertResponses()]
    await alerts.responses.update("a1", 300.0, lambda found: found)
    assert await alerts.responses.update("a1", 300.0, lambda _: RESPONSES) == (
        AlertResponses(),
        RESPONSES,
    )


async def test_responses_outlive_an_unreadable_alert(alerts: AlertStore, redis: Any) -> None:
    """A worker that lacks an alert's key keeps its responses; those of an alert that is off go."""
    saved = await alerts.save(ALERT, None, POSTS)
    assert saved
    await alerts.responses.update("a1", 200.0, lambda _: RESPONSES)
    await alerts.responses.delete_orphaned("a1")
    assert await alerts.responses.load("a1") == [RESPONSES]
    assert await redis.zscore(redis_keys.alert_responses_due(), "a1") == 200.0
    assert await alerts.delete(saved)
    await alerts.responses.update("a1", 200.0, lambda _: RESPONSES)  # a click at the same time
    await alerts.responses.delete_orphaned("a1")
    assert await redis.keys("*") == []


async def test_a_snooze_keeps_the_messages_longer(alerts: AlertStore, redis: Any) -> None:
    """Responses and messages are kept for a week after the last snooze, also when one is posted."""
    now, day = 1_795_430_000.0, 24 * 60 * 60
    until = now + 20 * day
    snoozed = replace(CLAIMED, snoozes=(Snooze("print", until, "U0ADA", now),))
    await alerts.save(ALERT, None, POSTS)
    await alerts.responses.update("a1", now, lambda _: AlertResponses((snoozed,)))
    keys = redis_keys.alert_responses("a1"), redis_keys.alert_posts("a1")
    assert [round((await redis.ttl(key)) / day) for key in keys] == [27, 27]
    alert = await alerts.load("a1")
    assert alert
    posting = await alerts.save(replace(alert, batch=ChangeBatch(1, now, ())), alert)
    assert posting
    lifecycle = AlertLifecycle(alerts, lambda: now + 2 * day)
    assert await lifecycle.mark_posted(posting, POSTS, (), AlertResponses((snoozed,)))
    assert [round((await redis.ttl(key)) / day) for key in keys] == [27, 25]


async def test_a_claimed_entry_is_settled(alerts: AlertStore, redis: Any) -> None:
    """After a worker's claim, the index has the time in the record, or no entry."""
    due = redis_keys.alert_responses_due()
    snoozed = CLAIMED.after_showing(CLAIMED).with_snooze(Snooze("print", 900.0, "U0ADA", 200.0))
    snoozed = snoozed.after_showing(snoozed)
    for responses, left in (
        (RESPONSES, 200.0),
        (AlertResponses((snoozed,)), 900.0),
        (AlertResponses((CLAIMED.after_showing(CLAIMED),)), None),
    ):
        await alerts.responses.update("a1", 200.0, lambda _, new=responses: new)  # type: ignore[misc]
        await redis.zadd(due, {"a1": 260.0})
        await alerts.responses.settle("a1")
        assert await redis.zscore(due, "a1") == left
    await redis.zadd(due, {"gone": 260.0})
    await alerts.responses.settle("gone")
    assert await redis.zcard(due) == 0


async def test_two_responses_at_once_do_not_undo_each_other(alerts: AlertStore) -> None:
    """A response that is saved meanwhile is kept, and the other one is made after it."""
    await alerts.responses.update("a1", 100.0, lambda _: RESPONSES)

    def resolved(responses: AlertResponses) -> AlertResponses:
        after = responses.of("1.0").after("resolve", "U0ADA", 200.0)
        return responses.with_response(after, 200.0)

    await asyncio.gather(*(alerts.responses.update("a1", 200.0, resolved) for _ in range(3)))
    (found,) = await alerts.responses.load("a1")
    assert [step.event for step in found.of("1.0").steps] == ["claim", "resolve"]


async def test_ignores_forged_records(
    alerts: AlertStore, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Forged, moved or copied records are logged and ignored."""
    first = await alerts.save(ALERT, None)
    second = await alerts.save(replace(ALERT, id="a2", owner=GRACE), None)
    assert first
    assert second
    places = [redis_keys.alert("a1"), redis_keys.alert("a2")]
    encrypted = [await redis.hget(key, "record") for key in places]
    clear = RECORD.write(replace(first, channel_id="C0EVE"))
    for forged in ([clear, "{}"], ["1.", "1.deadbeef.é"], reversed(encrypted)):
        for key, record in zip(places, forged, strict=True):
            await redis.hset(key, "record", record)
        assert await alerts.load("a1") is None
        assert await alerts.of_channel("T0ACME", "C0OPS") == ()
        assert await alerts.of_connection(first.connection) == ()
        assert "could not read a stored alert" in caplog.text
        caplog.clear()
    await redis.hset(places[0], "record", encrypted[0])
    assert await alerts.load("a1") == first


async def test_ignores_forged_posts(alerts: AlertStore, redis: Any) -> None:
    """Forged posts can't make an alert's messages show other jobs."""
    await alerts.save(ALERT, None, POSTS)
    await redis.set(redis_keys.alert_posts("a2"), await redis.get(redis_keys.alert_posts("a1")))
    assert await alerts.load_posts("a2") == ()
    await redis.set(redis_keys.alert_posts("a1"), POSTS_RECORD.write(POSTS))
    assert await alerts.load_posts("a1") == ()


async def test_ignores_index_entries_that_do_not_match(alerts: AlertStore, redis: Any) -> None:
    """An alert is found by its own connection and channel only."""
    await alerts.save(ALERT, None)
    source = PolledConnection(GRACE, "acme")
    await redis.sadd(redis_keys.alerts_of_connection(source.name), "a1")
    await redis.hset(redis_keys.alerts_of_channel("T0ACME", "C0EVE"), "a1", "")
    assert await alerts.of_connection(source) == ()
    assert await alerts.of_channel("T0ACME", "C0EVE") == ()
