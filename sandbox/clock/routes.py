"""/sandbox/clock and /sandbox/worker: endpoints that move the clock and switch the worker.

GET  /sandbox/clock     {"now": …, "next_digest": …, "waiting": 0, "worker": true, "refused": ""}
POST /sandbox/clock     {"to": "tomorrow 09:00 Europe/Berlin"}, or other text for `parse_time`
POST /sandbox/worker    {"on": false}

All of them respond with the body of GET; `refused` says why the clock was not moved. An invalid
request gets a 400 with {"error": …}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.store import keys as redis_keys
from bot.store.digests import DigestStore
from bot.store.encryption import Cipher, parse_keys
from sandbox.clock.parse_time import NEXT_DIGEST, InvalidTime, parse_time
from sandbox.clock.shared_clock import BackInTime, SharedClock
from sandbox.processes import ProcessSwitch
from sandbox.slack.ascii_json import PlainJSON


@dataclass(frozen=True, slots=True)
class DueDigests:
    """The number of digests that are due and `waiting`, and the time of the `next` one, or None."""

    waiting: int
    next: float | None


async def due_digests(redis_url: str, encryption_key: str, now: float) -> DueDigests:
    """Count due digests and find the next one.

    Times are in seconds since 1970. Paused digests are never due.
    """
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        store = DigestStore(redis, Cipher(parse_keys(encryption_key)))
        ids = await redis.zrange(redis_keys.digests_due(), 0, -1)
        digests = [await store.load(str(digest_id)) for digest_id in ids]
    times = [digest.next_run.at for digest in digests if digest and digest.next_run]
    coming = [at for at in times if at > now]
    return DueDigests(len(times) - len(coming), min(coming, default=None))


POLL_INTERVAL_SECONDS, MAX_POLLS = 0.1, 400
"""Seconds. A digest is posted together with its thread, which takes a second per failure."""

NONE_IS_DUE = "No digest is due. Set one up with /emporix digest."
WAITS = "A digest is waiting for the worker. Start the worker first."

Act = Callable[[Any], Awaitable[None]]


class ClockRoutes:
    """Moves the clock and switches the worker.

    The digests are read from the bot's Redis with its encryption key.
    """

    def __init__(
        self, clock: SharedClock, worker: ProcessSwitch, redis_url: str, encryption_key: str
    ) -> None:
        self._clock, self._worker = clock, worker
        self._redis_url, self._encryption_key = redis_url, encryption_key

    def routes(self) -> Sequence[Route]:
        return [
            Route("/sandbox/clock", self._look),
            Route("/sandbox/clock", self._doing(self._move), methods=["POST"]),
            Route("/sandbox/worker", self._doing(self._turn), methods=["POST"]),
        ]

    async def _look(self, _: Request) -> Response:
        return await self._state()

    async def _state(self, refused: str = "") -> Response:
        now = self._clock()
        digests = await self._due(now)
        return PlainJSON(
            {
                "now": now,
                "next_digest": digests.next,
                "waiting": digests.waiting,
                "worker": self._worker.is_on,
                "refused": refused,
            }
        )

    def _doing(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                await act(await request.json())
            except (InvalidTime, BackInTime) as problem:
                return await self._state(refused=str(problem))
            except (ValueError, KeyError, TypeError, AttributeError):
                return PlainJSON(
                    {"error": 'the body must be {"to": …} or, for the worker, {"on": true}'}, 400
                )
            return await self._state()

        return endpoint

    async def _move(self, given: Any) -> None:
        self._clock.move(await self._moment(given["to"]))

    async def _moment(self, words: str) -> float:
        if words.strip() != NEXT_DIGEST:
            return parse_time(words, self._clock())
        digests = await self._settled()
        if digests.next is None:
            raise InvalidTime(WAITS if digests.waiting else NONE_IS_DUE)
        return digests.next

    async def _settled(self) -> DueDigests:
        """Wait until the worker has posted the digests that are due, and return the state."""
        digests = await self._due(self._clock())
        for _ in range(MAX_POLLS):
            if not (digests.waiting and self._worker.is_on):
                break
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
            digests = await self._due(self._clock())
        return digests

    async def _due(self, now: float) -> DueDigests:
        return await due_digests(self._redis_url, self._encryption_key, now)

    async def _turn(self, given: Any) -> None:
        await self._worker.switch(bool(given["on"]))
