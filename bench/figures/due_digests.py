"""Finding the due digests among 100,000, compared with finding the same number among 1,000."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.comparison import p50, ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.stored_digests import digest, set_up
from bot.store.connection import connect
from bot.store.digests import DigestStore
from bot.store.due_index import DUE_CLAIM_SECONDS
from bot.store.encryption import Cipher, new_key, parse_keys
from sandbox.redis_server import redis_server

ROUNDS, LOOKS = 48, 40
MANY, FEW, DUE = 100_000, 1_000, 50
TEAMS, OWNERS, CHANNELS = 200, 4_000, 10_000
NOT_DUE_SECONDS = 365 * 24 * 60 * 60.0


class DueQueries:
    """Repeats the query, each time one claim period later, so it always finds the same digests."""

    def __init__(self, store: DigestStore, now: float) -> None:
        self._store, self._now = store, now

    async def p50(self) -> float:
        return await p50(self._look, LOOKS)

    async def _look(self) -> float:
        self._now += DUE_CLAIM_SECONDS + 1
        begun = time.perf_counter()
        found = await self._store.claim_due(self._now, MANY)
        taken = time.perf_counter() - begun
        if len(found) != DUE:
            raise RuntimeError(f"{len(found)} were due, not {DUE}")
        return taken


@measures(due_p50_ratio=at_most(1.5))
async def due_digests(environment: Environment) -> Rounds:
    """Run the worker's query, which it makes once a second; each side has its own Redis."""
    async with _due_queries(MANY) as many, _due_queries(FEW) as few:
        found = await ratios(many.p50, few.p50, ROUNDS, most_is_best=False)
    return {"due_p50_ratio": found}


@asynccontextmanager
async def _due_queries(count: int) -> AsyncIterator[DueQueries]:
    now, key = time.time(), new_key()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, redis_server(Path(folder)) as url:
        times = (now if number < DUE else now + NOT_DUE_SECONDS for number in range(count))
        await set_up(
            url,
            key,
            (
                digest(number, at, owners=OWNERS, channels=CHANNELS, teams=TEAMS)
                for number, at in enumerate(times)
            ),
        )
        redis = connect(url)
        yield DueQueries(DigestStore(redis, Cipher(parse_keys(key))), now)
        await redis.aclose()
