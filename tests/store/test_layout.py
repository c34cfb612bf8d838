"""Keys that one command touches together lie in one slot of a cluster, and each is explained."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from redis.asyncio import Redis
from redis.crc import key_slot
from saq import Job

from bot.clockwork.engine import Queue, queued_task
from bot.models import Caller
from bot.store import layout
from bot.store.sources import Source
from tests.documents import table
from tests.store.fixtures import ADA, GRACE

WORDS = {
    "alert_id": "id",
    "channel_id": "channel",
    "clean_id": "id",
    "cursor_id": "id",
    "delivery": "digest",
    "digest_id": "id",
    "form_id": "id",
    "job_id": "job",
    "source": "user>:<tenant",
    "team_id": "team",
}
"""Parameters that the document calls otherwise."""

OF_THE_QUEUE = "saq:"


def test_keys_of_a_user_share_a_slot() -> None:
    """All keys of one user are in one slot."""
    keys = [
        layout.account(ADA),
        layout.cursor(ADA, "cursor-1"),
        layout.cursors(ADA, "acme"),
        layout.form(ADA, "form-1"),
        layout.home(ADA, "figures"),
        layout.home(ADA, "opened"),
        layout.once(ADA, "delivery-1"),
        layout.refresh(ADA, "acme"),
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)


def test_users_do_not_share_keys() -> None:
    """Enterprise, workspace and user all tell keys apart."""
    callers = [ADA, GRACE, Caller("T2", "U0ADA"), Caller("T0ACME", "U0ADA", "E1")]
    assert len({layout.account(caller) for caller in callers}) == len(callers)


def documented(function: Callable[..., str]) -> str:
    """The key that a function makes, as docs/redis-keys.md writes it."""
    parameters = inspect.signature(function).parameters
    given = {name: f"<{WORDS.get(name, name)}>" for name in parameters}
    caller = {"caller": Caller("team", "user", "enterprise")} if "caller" in parameters else {}
    key = function(**{**given, **caller})
    return key.replace("enterprise:team:user", "<user>").replace(
        "{enterprise:team}", "{<enterprise:team>}"
    )


def test_every_key_is_explained() -> None:
    """docs/redis-keys.md has each key that is made here, and beside those of saq no other."""
    made = [found for _, found in inspect.getmembers(layout, inspect.isfunction)]
    keys = {documented(found) for found in made if not found.__name__.startswith("_")}
    shown = {key.strip("`") for key, *_ in table("docs/redis-keys.md", "key")}
    assert {key for key in shown if not key.startswith(OF_THE_QUEUE)} == keys


def test_what_happens_by_the_clock_shares_a_slot() -> None:
    """Digests, watches, alerts, what is due, and saq's own keys: scripts touch several of them."""
    queue = Queue(Redis())
    job = Job("run", key=queued_task("digests.post", "1"), queue=queue)
    keys = [
        layout.digest("1"),
        layout.digests_due(),
        layout.digests_of_channel("T0ACME", "C0OPS"),
        layout.digests_of_owner(ADA),
        layout.digests_of_team("T0ACME"),
        layout.digest_posts_now("1"),
        layout.post("digest:1:2026-11-24"),
        layout.pace("T0ACME"),
        layout.pace("T0ACME", "C0OPS"),
        layout.shift("reconcile"),
        layout.audience("C0OPS"),
        layout.audience_reads("next"),
        layout.audience_reads("waiting"),
        layout.charts_refused("T0ACME", "channel"),
        layout.day_counts("1", "2"),
        layout.teams_stopped(),
        layout.shift("retention"),
        layout.watches(ADA),
        layout.watches_due(),
        layout.watches_strikes(),
        layout.alert("1"),
        layout.alert_posts("1"),
        layout.alerts_of_channel("T0ACME", "C0OPS"),
        layout.alerts_of_owner(ADA),
        layout.alerts_of_team("T0ACME"),
        layout.alerts_of_source(Source(ADA, "acme").name),
        layout.alerts_due(),
        layout.alerts_strikes(),
        layout.clean("1"),
        layout.clean_jobs("1"),
        layout.clean_results("1"),
        layout.clean_lease("1"),
        layout.cleaning(ADA, "acme"),
        layout.cleanups_begun(ADA),
        layout.cleans_due(),
        layout.workers(),
        queue.namespace("queued"),
        job.id,
        job.abort_id,
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)
