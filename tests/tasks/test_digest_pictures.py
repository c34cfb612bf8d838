"""Pictures of digests: in their threads, once, and never in the way of what they belong to."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.store.digests import DigestStore
from bot.store.uploads import Uploads
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.faults import Fault
from tests.listeners.digest.fixtures import in_channel, set_up, stored, to_ada
from tests.redis_clock import clocked
from tests.shop import Shop, open_shop

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the shop's clock
DAY = 86400.0
BERLIN = ZoneInfo("Europe/Berlin")
GET_URL, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"


def created(shop: Shop, at: datetime, status: str) -> None:
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    metadata = {"version": 1, "createdAt": stamp, "modifiedAt": stamp}
    shop.world.add_job("acme", status=status, message="Order not found.", metadata=metadata)


def fill(shop: Shop, days: int) -> None:
    """On the n-th day before the digest n failures and twice as many successes, and some skipped;
    the last of a day a minute before midnight there.
    """
    midnight = datetime(2026, 11, 24, tzinfo=BERLIN)
    for back in range(days):
        at = midnight - timedelta(days=back, minutes=1)
        for status, count in (("failure", back + 1), ("success", 2 * back + 2), ("skipped", 1)):
            for _ in range(count):
                created(shop, at, status)


@pytest.fixture
async def due(connected: Shop) -> Shop:
    """Ada has a digest of #ops that is due; there were jobs on each of the last sixteen days."""
    await set_up(connected.person("ada", "ops"))
    fill(connected, 16)
    connected.clock.now = NINE + 1
    return connected


async def pictures(shop: Shop) -> list[dict[str, Any]]:
    return await shop.person("ada", "ops").files()


async def digests(shop: Shop) -> list[dict[str, Any]]:
    """What stands in the channel, without threads."""
    return [message for message in await in_channel(shop) if not message["thread_ts"]]


def counts(shop: Shop) -> list[str]:
    """The questions for the number of jobs of one status in one day."""
    seen = [one.query for one in shop.world.requests if one.path.endswith("/jobs")]
    return [query for query in seen if "pageSize=1&" in query]


async def test_goes_into_the_thread(due: Shop, snapshot: SnapshotAssertion) -> None:
    """A PNG with its title, and the same in words for who cannot see it."""
    await due.worker.work()
    (digest,) = await digests(due)
    (picture,) = await pictures(due)
    assert (picture["channel"], picture["thread_ts"]) == ("C0OPS", digest["ts"])
    assert (picture["title"], picture["alt_txt"]) == snapshot
    (file,) = due.workspace.files.seen_in({"C0OPS"})
    assert file.content is not None
    assert struct.unpack(">II", file.content[16:24]) == (1080, 1050)


async def test_comes_once_a_day(due: Shop) -> None:
    """A week of it, with a failure each day so that no day is quiet."""
    for day in range(7):
        due.clock.now = NINE + day * DAY
        due.world.add_job("acme", status="failure", message="Order not found.")
        due.clock.now += 1
        await due.worker.work_until(due.clock() + 120, step=60)
    assert [file["thread_ts"] for file in await pictures(due)] == [
        message["ts"] for message in await digests(due)
    ]


async def test_a_day_costs_three_calls(due: Shop) -> None:
    """The first picture counts a fortnight, each further one the day that has ended since."""
    await set_up(due.person("ada", "general"), picture=[])
    due.world.requests.clear()
    await due.worker.work()
    first = len(counts(due))
    due.clock.now = NINE + DAY
    created(due, datetime(2026, 11, 25, 8, tzinfo=BERLIN), "failure")
    due.world.requests.clear()
    await due.worker.work()
    assert first - len(counts(due)) == 13 * 3


async def test_digests_of_the_same_share_what_was_counted(due: Shop) -> None:
    """Two channels, one report and one fortnight."""
    for channel in ("general", "secret"):
        await set_up(due.person("ada", channel))
    due.clock.now = NINE + DAY
    created(due, datetime(2026, 11, 25, 8, tzinfo=BERLIN), "failure")
    due.world.requests.clear()
    await due.worker.work()
    assert len(due.workspace.files.seen_in({"C0GENERAL", "C0SECRET"})) == 2
    assert len(counts(due)) == 10 + 14 * 3


async def test_without_the_tick_there_is_none(connected: Shop) -> None:
    """Nor is anything counted for it."""
    await set_up(connected.person("ada", "ops"), picture=[])
    assert not (await stored(connected)).picture
    fill(connected, 16)
    connected.clock.now = NINE
    await connected.worker.work()
    assert len(await digests(connected)) == 1
    assert await pictures(connected) == []


@pytest.mark.parametrize(("days", "expected"), [(0, 0), (1, 0), (2, 1)])
async def test_needs_two_days(connected: Shop, days: int, expected: int) -> None:
    """A tenant that began yesterday has nothing to compare."""
    await set_up(connected.person("ada", "ops"), quiet="quiet")
    fill(connected, days)
    connected.clock.now = NINE
    await connected.worker.work()
    assert len(await pictures(connected)) == expected


async def test_a_quiet_digest_stays_one_line(due: Shop) -> None:
    """Whatever there was on other days."""
    await set_up(due.person("ada", "general"), quiet="quiet", filters="agent:nobody")
    await due.worker.work()
    due.clock.now = NINE + DAY
    await due.worker.work()
    assert due.workspace.files.seen_in({"C0GENERAL"}) == []


async def test_shows_only_what_the_filters_ask_for(due: Shop) -> None:
    """A digest of failures has one row."""
    await set_up(due.person("ada", "general"), name="Failures", filters="failed")
    due.clock.now = NINE + DAY
    created(due, datetime(2026, 11, 25, 8, tzinfo=BERLIN), "failure")
    await due.worker.work()
    (file,) = due.workspace.files.seen_in({"C0GENERAL"})
    assert file.content is not None
    assert struct.unpack(">II", file.content[16:24]) == (1080, 470)
    assert "tenant acme, failed. In all" in file.alt_text
    assert "succeeded" not in file.alt_text


@pytest.mark.parametrize(
    "fault",
    [
        Fault("refuse", method=GET_URL, error="file_uploads_disabled"),
        Fault("rate_limit", method=GET_URL, retry_after=1),
        Fault("rate_limit", method=COMPLETE, retry_after=1),
        Fault("refuse", method=COMPLETE, error="invalid_thread_ts"),
        Fault("status", method=COMPLETE),
        Fault("cut_before", method=COMPLETE),
        Fault("status", method="upload", status=413),
    ],
    ids=lambda fault: f"{fault.kind} {fault.method}",
)
async def test_is_left_out_where_slack_has_trouble(due: Shop, fault: Fault) -> None:
    """The digest is there and settled, nobody is bothered, and nothing is pressed."""
    due.workspace.faults.add(fault)
    await due.worker.work_until(due.clock() + 700, step=60)
    assert len(await digests(due)) == 1
    assert (await stored(due)).posted_on == "2026-11-24"
    assert await pictures(due) == []
    assert await to_ada(due) == []
    assert (len(due.workspace.faults), due.worker.waiting) == (0, [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=3, method=GET_URL),
        Fault("html", times=3, method=GET_URL),
        Fault("cut_before", times=3, method=GET_URL),
        Fault("cut_after", times=3, method=GET_URL),
        Fault("status", times=3, method="upload"),
        Fault("cut_after", times=3, method="upload"),
        Fault("status_after", method=COMPLETE),
        Fault("cut_after", method=COMPLETE),
    ],
    ids=lambda fault: f"{fault.kind} {fault.method}",
)
async def test_comes_once_whatever_slack_says(due: Shop, fault: Fault) -> None:
    """What nobody can have seen is tried again; what somebody may have seen is not."""
    due.workspace.faults.add(fault)
    await due.worker.work_until(due.clock() + 200, step=60)
    assert len(await pictures(due)) == 1
    assert due.worker.waiting == []


async def test_gives_up_after_ten_minutes(due: Shop) -> None:
    """A picture of this morning helps nobody at noon."""
    due.workspace.faults.add(Fault("status", times=10_000, method=GET_URL))
    await due.worker.work_until(due.clock() + 700, step=60)
    due.workspace.faults.clear()
    await due.worker.work_until(due.clock() + 120, step=60)
    assert (await pictures(due), due.worker.waiting) == ([], [])


async def test_needs_its_scope(due: Shop) -> None:
    """An app that was installed before has no files:write; its digests come as before."""
    due.workspace.bot_scopes = due.workspace.bot_scopes - {"files:write"}
    await due.worker.work_until(due.clock() + 120, step=60)
    assert len(await digests(due)) == 1
    assert (await pictures(due), await to_ada(due)) == ([], [])


async def test_pauses_for_all_where_slack_asks_for_it(due: Shop) -> None:
    """A 429 of one leaves out those that follow until it is over, without another call."""
    for channel in ("general", "secret"):
        await set_up(due.person("ada", channel))
    for _ in range(2):
        due.workspace.faults.add(Fault("rate_limit", method=GET_URL, retry_after=60))
    due.clock.now = NINE + DAY
    created(due, datetime(2026, 11, 25, 8, tzinfo=BERLIN), "failure")
    await due.worker.work_until(due.clock() + 50, step=25)
    assert due.workspace.files.seen_in({"C0GENERAL", "C0SECRET"}) == []
    assert len(due.workspace.faults) == 1


async def test_a_task_that_comes_twice_uploads_once(due: Shop) -> None:
    """As after a worker that died before it could say that it was done."""
    before = await stored(due)
    await due.worker.work()
    after = await stored(due)
    await DigestStore(due.redis, due.vault).save(before, after)
    await due.worker.work_until(due.clock() + 120, step=60)
    assert len(await pictures(due)) == 1


async def test_an_unknown_outcome_is_not_repeated(due: Shop) -> None:
    """Another worker died while it completed the upload: perhaps it can be seen."""
    name = "emporix-jobs:{clock}:post:digest:digest-1:2026-11-24:picture"
    await due.redis.set(name, str(NINE - 60))
    await due.worker.work_until(due.clock() + 120, step=60)
    assert len(await digests(due)) == 1
    assert await pictures(due) == []


async def after_others(shop: Shop, number: int = 30) -> None:
    """So many other pictures have their times before that of the digest."""
    uploads = Uploads(clocked(shop.redis, shop.clock), 60)
    for _ in range(number):
        await uploads.reserve("T0ACME")


async def test_waits_for_its_turn(due: Shop) -> None:
    """Twenty go at once, then one each second; the digest does not wait with it."""
    await after_others(due)
    await due.worker.work()
    assert (len(await digests(due)), len(await pictures(due))) == (1, 0)
    await due.worker.work_until(due.clock() + 10, step=1)
    assert await pictures(due) == []
    await due.worker.work_until(due.clock() + 2, step=1)
    assert len(await pictures(due)) == 1


async def test_is_left_out_where_it_had_to_wait_for_too_long(due: Shop) -> None:
    """Five minutes of other pictures are before it."""
    await after_others(due, 330)
    await due.worker.work()
    assert len(await digests(due)) == 1
    assert (await pictures(due), due.worker.waiting) == ([], [])


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_is_left_out_where_emporix_does_not_count(due: Shop, status: int) -> None:
    """After the digest was read; the next one tells of it, and nothing is pressed."""
    await after_others(due)
    await due.worker.work()
    due.world.faults.add(EmporixFault("status", times=10_000, path="/jobs", status=status))
    due.world.requests.clear()
    await due.worker.work_until(due.clock() + 200, step=60)
    assert len(await digests(due)) == 1
    assert (await pictures(due), await to_ada(due), due.worker.waiting) == ([], [], [])
    assert len(counts(due)) <= 6


async def test_is_left_out_where_the_connection_ended(due: Shop) -> None:
    """The owner has disconnected since the digest."""
    await after_others(due)
    await due.worker.work()
    await due.ada.command("/emporix disconnect")
    await due.ada.click("Disconnect")
    await due.worker.work_until(due.clock() + 120, step=60)
    assert (await pictures(due), due.worker.waiting) == ([], [])


async def test_a_picture_may_be_turned_off_meanwhile(due: Shop) -> None:
    """Or the digest deleted."""
    due.workspace.faults.add(Fault("status", method=GET_URL))
    await due.worker.work()
    ada = due.person("ada", "ops")
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"picture": []})
    await due.worker.work_until(due.clock() + 120, step=60)
    assert (await pictures(due), due.worker.waiting) == ([], [])


async def test_does_not_follow_a_digest_to_where_it_was_moved_from(due: Shop) -> None:
    """Perhaps to another tenant, which the first channel is not to read of."""
    await after_others(due)
    await due.worker.work()
    ada = due.person("ada", "ops")
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"channel": "general"})
    await due.worker.work_until(due.clock() + 120, step=60)
    assert due.workspace.files.seen_in({"C0OPS", "C0GENERAL"}) == []


async def test_is_left_out_where_the_app_was_removed(due: Shop) -> None:
    """Between the digest and its picture."""
    due.workspace.faults.add(Fault("status", method=GET_URL))
    await due.worker.work()
    due.workspace.directory.remove("C0OPS", BOT_USER_ID)
    await due.worker.work_until(due.clock() + 120, step=60)
    assert (await pictures(due), await to_ada(due), due.worker.waiting) == ([], [], [])


async def test_is_left_out_where_others_read_the_channel_since(
    due: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """The channel was shared between the digest and its picture."""
    await after_others(due)
    await due.worker.work()
    await due.person("ada", "ops").share_channel()
    await due.worker.work_until(due.clock() + 120, step=60)
    assert await pictures(due) == []
    assert "the picture of a digest is left out: outsiders" in caplog.messages


async def test_operators_can_turn_all_off(redis: Any, redis_url: str, clock: Any) -> None:
    """By the setting, whatever the form says."""
    async with open_shop(redis, redis_url, clock, slack_pictures_per_minute=0) as shop:
        await shop.connect(shop.ada, ACME_OPERATIONS)
        await set_up(shop.person("ada", "ops"))
        fill(shop, 3)
        shop.clock.now = NINE
        await shop.worker.work_until(NINE + 60, step=20)
        assert len(await digests(shop)) == 1
        assert await pictures(shop) == []
