"""Charts of digests: the days that they show are counted before the digests are due."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator

from bot.clockwork.calls import Queues, every, task
from bot.errors import NotConnected, StoreUnavailable
from bot.models import Caller, Digest
from bot.services.accounts import connection
from bot.services.digests.history import Histories
from bot.store.accounts import AccountStore
from bot.store.digests import DigestStore
from bot.store.shifts import Shifts

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 60.0
AHEAD_SECONDS = 2 * 60 * 60.0
MOST_PREPARED = 1_000
"""As many digests as a workspace may have."""

RUN_SECONDS = 20.0
"""A run ends after that, and the next run goes on with the digests that are left."""

AT_ONCE = 4
DIGEST_SECONDS = 5.0
"""Then the next digest is prepared, while counting for this one goes on."""

AGAIN_SECONDS = 15 * 60.0
"""A digest is looked at again after that: days may be over or countable by then."""


@every(PERIOD_SECONDS)
async def queue_preparation(shifts: Shifts, queue: Queues) -> None:
    if await shifts.take("digest_charts", PERIOD_SECONDS):
        await queue.put("digest_charts.prepare", "all")


@task("digest_charts.prepare")
async def prepare(
    now: float,
    digest_store: DigestStore,
    account_store: AccountStore,
    histories: Histories,
    shifts: Shifts,
) -> None:
    due = await digest_store.due_between(now, now + AHEAD_SECONDS, MOST_PREPARED)
    waiting = in_turns(digest for digest in due if digest.chart and not digest.paused)

    async def prepare_some() -> None:
        for digest in waiting:
            if await shifts.take(f"digest_chart:{digest.id}", AGAIN_SECONDS):
                await _prepare(digest, now, account_store, histories)

    try:
        async with asyncio.timeout(RUN_SECONDS):
            await asyncio.gather(*(prepare_some() for _ in range(AT_ONCE)))
    except TimeoutError:
        logger.info("charts of %d digests are prepared later: the time is up", len(list(waiting)))


def in_turns(digests: Iterable[Digest]) -> Iterator[Digest]:
    """The digest of each owner that is due first, then the second of each owner, and so on."""
    seen: Counter[Caller] = Counter()
    placed: list[tuple[int, Digest]] = []
    for digest in sorted(digests, key=lambda one: one.due_at or 0):
        placed.append((seen[digest.owner], digest))
        seen[digest.owner] += 1
    return (digest for _, digest in sorted(placed, key=lambda one: one[0]))


async def _prepare(
    digest: Digest, now: float, accounts: AccountStore, histories: Histories
) -> None:
    """On the connection of the digest's owner."""
    try:
        held = connection(await accounts.load(digest.owner), digest.tenant)
        async with asyncio.timeout(DIGEST_SECONDS):
            await histories.prepare(held, digest.filters, digest.schedule.zone, now)
    except (NotConnected, StoreUnavailable) as error:
        logger.info("the chart of digest %s is not prepared: %s", digest.id, error.template)
    except TimeoutError:
        logger.info("the chart of digest %s is not prepared yet: counting takes long", digest.id)
