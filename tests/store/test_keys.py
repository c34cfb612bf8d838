"""Keys used by one command are in one slot of a cluster, and every key is documented."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot
from saq import Job

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.filters import Filters
from bot.domain.lists import ListCursor
from bot.scheduler.saq_worker import SaqQueue, queued_task
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.idempotency import Deliveries
from bot.store.ui_state import ListStore
from tests.harness.app import open_app
from tests.harness.clock import FakeClock
from tests.harness.documents import table
from tests.store.fixtures import ADA, GRACE
from tests.test_forget import tour

WORDS = {
    "alert_id": "id",
    "channel_id": "channel",
    "cleanup_id": "id",
    "connection": "user>:<tenant",
    "cursor_id": "id",
    "delivery_id": "digest",
    "digest_id": "id",
    "form_id": "id",
    "job_id": "job",
    "pause_id": "id",
    "team_id": "team",
}
"""Parameters with another name in the document."""

OF_THE_QUEUE = "saq:"


def test_keys_of_a_user_share_a_slot() -> None:
    """All keys of one user are in one slot."""
    keys = [
        redis_keys.account(ADA),
        redis_keys.cursor(ADA, "cursor-1"),
        redis_keys.cursors(ADA, "acme"),
        redis_keys.form(ADA, "form-1"),
        redis_keys.home(ADA, "stats"),
        redis_keys.home(ADA, "opened"),
        redis_keys.delivery(ADA, "delivery-1"),
        redis_keys.token_lock(ADA, "acme"),
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)


def test_users_do_not_share_keys() -> None:
    """Enterprise, workspace and user are all part of the key."""
    callers = [ADA, GRACE, Caller("T2", "U0ADA"), Caller("T0ACME", "U0ADA", "E1")]
    assert len({redis_keys.account(caller) for caller in callers}) == len(callers)


def documented(function: Callable[..., str]) -> str:
    """The key that a function returns, as written in docs/redis-keys.md."""
    parameters = inspect.signature(function).parameters
    given = {name: f"<{WORDS.get(name, name)}>" for name in parameters}
    caller = {"caller": Caller("team", "user", "enterprise")} if "caller" in parameters else {}
    key = function(**{**given, **caller})
    return key.replace("enterprise:team:user", "<user>").replace(
        "{enterprise:team}", "{<enterprise:team>}"
    )


def test_every_key_is_explained() -> None:
    """docs/redis-keys.md has exactly the app's keys and those of saq."""
    made = [found for _, found in inspect.getmembers(redis_keys, inspect.isfunction)]
    keys = {documented(found) for found in made if not found.__name__.startswith("_")}
    shown = {key.strip("`") for key, *_ in table("docs/redis-keys.md", "key")}
    assert {key for key in shown if not key.startswith(OF_THE_QUEUE)} == keys


def test_scheduled_work_shares_a_slot() -> None:
    """All keys of scheduled work and of saq are in one slot, because scripts use several."""
    queue = SaqQueue(Redis())
    job = Job("run", key=queued_task("digests.post", "1"), queue=queue)
    keys = [
        redis_keys.digest("1"),
        redis_keys.digests_due(),
        redis_keys.digests_of_channel("T0ACME", "C0OPS"),
        redis_keys.digests_of_owner(ADA),
        redis_keys.digests_of_team("T0ACME"),
        redis_keys.digest_posts_now("1"),
        redis_keys.message("digest:1:2026-11-24"),
        redis_keys.rate_limit("T0ACME"),
        redis_keys.rate_limit("T0ACME", "C0OPS"),
        redis_keys.lease("reconcile"),
        redis_keys.audience("C0OPS"),
        redis_keys.audience_reads("next"),
        redis_keys.audience_reads("waiting"),
        redis_keys.charts_refused("T0ACME"),
        redis_keys.daily_counts("1", "2"),
        redis_keys.stopped_teams(),
        redis_keys.lease("retention"),
        redis_keys.watches(ADA),
        redis_keys.watches_due(),
        redis_keys.watches_failures(),
        redis_keys.alert("1"),
        redis_keys.alert_posts("1"),
        redis_keys.alerts_of_channel("T0ACME", "C0OPS"),
        redis_keys.alerts_of_owner(ADA),
        redis_keys.alerts_of_team("T0ACME"),
        redis_keys.alerts_of_connection(PolledConnection(ADA, "acme").name),
        redis_keys.alerts_due(),
        redis_keys.alert_responses("1"),
        redis_keys.alert_responses_due(),
        redis_keys.alerts_failures(),
        redis_keys.cleanup("1"),
        redis_keys.cleanup_jobs("1"),
        redis_keys.cleanup_results("1"),
        redis_keys.cleanup_lease("1"),
        redis_keys.active_cleanup(ADA, "acme"),
        redis_keys.cleanups_started(ADA),
        redis_keys.cleanups_due(),
        redis_keys.workers(),
        queue.namespace("queued"),
        job.id,
        job.abort_id,
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)


async def sent_during(redis: Any, run: Callable[[], Awaitable[object]]) -> list[list[str]]:
    """The words of each command that clients sent during `run`, without those of scripts."""
    found: list[list[str]] = []
    async with redis.monitor() as monitor:
        await run()
        await redis.echo("the end")
        async for one in monitor.listen():
            if one["command"] == "ECHO the end":
                break
            if one["client_type"] != "lua":
                found.append(one["command"].split())
    return found


async def test_commands_and_scripts_use_keys_of_one_slot(
    redis: Any, redis_url: str, accounts: AccountStore, clock: FakeClock
) -> None:
    """Each command and each script uses keys of one slot, also for another user's list."""

    async def use_every_feature() -> None:
        async with open_app(redis, redis_url, clock) as harness:
            await tour(harness)
        await ListStore(redis, clock).save(ListCursor("1", ADA, "acme", Filters(), shared=True))
        deliveries = Deliveries(redis, accounts)
        found = await deliveries.claim_delivery(GRACE, "1", "2", "1", ADA.user_id)
        assert found
        assert found.cursor

    slots = [
        {key_slot(word.encode()) for word in words if word.startswith(("emporix-jobs:", "saq:"))}
        for words in await sent_during(redis, use_every_feature)
    ]
    assert len(slots) > 500
    assert max(map(len, slots)) == 1
