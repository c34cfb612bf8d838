"""Memory in Redis per user, digest, watch, alert, list and post."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.stand_ins.emporix import TENANT
from bench.stored_digests import digest, set_up
from bench.stored_users import TEAM, connect_users, user_id
from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.conditions import Watermark
from bot.domain.filters import Filters
from bot.domain.lists import ListCursor, PagePosition, ShownPage
from bot.domain.watches import Watch
from bot.services.pagination import with_positions
from bot.services.watches import WATCH_EXCERPT_LENGTH
from bot.store.alerts import AlertStore
from bot.store.connection import connect
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.idempotency import IdempotencyClaims
from bot.store.ui_state import ListStore, new_cursor_id
from bot.store.watches import WatchStore, new_watch_id
from sandbox.redis_server import redis_server

EACH = 1_000
SEEN = 20
"""Jobs that an alert remembers from overlapping queries."""

PAGES = 3

Fill = Callable[[str], Awaitable[None]]
"""Store `EACH` things in the Redis at this URL, as the app does."""


@measures(
    redis_bytes_a_user=at_most(1_200),
    redis_bytes_a_digest=at_most(2_600),
    redis_bytes_a_watch=at_most(850),
    redis_bytes_an_alert=at_most(4_000),
    redis_bytes_a_list=at_most(1_100),
    redis_bytes_a_post=at_most(180),
)
async def redis_memory(environment: Environment) -> Rounds:
    """Divide the MEMORY USAGE of all keys, indexes included, by the number of stored things."""
    return {
        "redis_bytes_a_user": [await _bytes(_users)],
        "redis_bytes_a_digest": [await _bytes(_digests)],
        "redis_bytes_a_watch": [await _bytes(_watches)],
        "redis_bytes_an_alert": [await _bytes(_alerts)],
        "redis_bytes_a_list": [await _bytes(_lists)],
        "redis_bytes_a_post": [await _bytes(_posts)],
    }


async def _bytes(fill: Fill) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, redis_server(Path(folder)) as url:
        await fill(url)
        redis = connect(url)
        sizes = [await redis.memory_usage(key, samples=0) async for key in redis.scan_iter()]
        await redis.aclose()
    return float(sum(sizes)) / EACH


async def _users(url: str) -> None:
    """Each with one tenant and an access token."""
    await connect_users(url, new_key(), EACH)


async def _digests(url: str) -> None:
    """Each with its own channel and owner."""
    now = time.time()
    digests = (digest(number, now, owners=EACH, channels=EACH) for number in range(EACH))
    await set_up(url, new_key(), digests)


async def _watches(url: str) -> None:
    """Each of a different user."""
    redis = connect(url)
    store, now = WatchStore(redis, _vault()), time.time()
    for number in range(EACH):
        watch = Watch(
            new_watch_id(),
            _caller(number),
            TENANT,
            f"{number:024x}",
            now,
            agent="Complaint Agent",
            type="AGENT_CHAT",
            created_at="2026-11-23T10:30:27.167Z",
            excerpt="x" * WATCH_EXCERPT_LENGTH,
        )
        await store.add(watch, now, 1)
    await redis.aclose()


async def _alerts(url: str) -> None:
    """Each with its own user and channel."""
    redis = connect(url)
    store, now = AlertStore(redis, _vault()), time.time()
    seen = {f"{number:024x}": (now, "digested") for number in range(SEEN)}
    filters = Filters(statuses=("failure",), tenant=TENANT)
    for number in range(EACH):
        owner, channel = _caller(number), f"C{number:09d}"
        mark = Watermark(now, seen=seen)
        alert = Alert(f"{number:016x}", owner, channel, filters, now, mark, polled_at=now)
        await store.save(alert, None)
        await store.connections.poll_by(alert.connection, now)
    await redis.aclose()


async def _lists(url: str) -> None:
    """Each of a different user, on its third page."""
    redis = connect(url)
    store, asked = ListStore(redis, time.time), Filters(statuses=("failure",))
    until = "2026-11-25T09:00:00.000Z"
    places = tuple(
        PagePosition(page, 10 * page - 10, last_time=until) for page in range(1, PAGES + 1)
    )
    shown = ShownPage(PAGES, tuple(f"{number:024x}" for number in range(10)), has_more=True)
    for number in range(EACH):
        owner = _caller(number)
        cursor = ListCursor(
            new_cursor_id(), owner, TENANT, asked, until=until, total=749, shown=shown
        )
        await store.save(with_positions(cursor, *places))
    await redis.aclose()


async def _posts(url: str) -> None:
    """Each stored for two days."""
    redis = connect(url)
    posts = IdempotencyClaims(redis)
    for number in range(EACH):
        await posts.mark_sent(f"digest:{number:016x}:2026-11-25", "1764061200.000100")
    await redis.aclose()


def _vault() -> Cipher:
    return Cipher(parse_keys(new_key()))


def _caller(number: int) -> Caller:
    return Caller(TEAM, user_id(number))
