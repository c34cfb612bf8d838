"""Lists whose pages can be turned: what was asked, kept for a day."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.models import Caller, Filters, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.places import Mark, Place
from bot.store.serialization import Serializer, Unreadable

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
KEPT_PLACES = 10  # with these a cursor has 6 to 10 kB beside the words of its query


@dataclass(frozen=True, slots=True)
class Cursor(Stored):
    """Who asked for what, and where its pages begin: `id` is all that a button needs of it.

    `until`: when the list was read last with nothing bounding it, in ISO 8601; later jobs do not
    belong to it. Empty where the query cannot be bounded. `counted`: how many jobs it had when its
    first page was read then, and `undated` how many have no time; None where that is not known.
    """

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    searched: bool = False
    """True for `jobs search`, whose pages are fetched by the search call."""
    shared: bool = False
    """True for a list that stands in a channel: others may ask the same with their own rights."""

    until: str = ""
    counted: int | None = None
    undated: int | None = None
    places: tuple[Place, ...] = ()

    def place(self, page: int) -> Place:
        """Where a page begins: as remembered, or by its number where that is too long ago."""
        before = (page - 1) * self.filters.size
        is_start = bool(self.until) and before == 0
        estimate = Place(page, before, dated=Mark(before, knows_all=is_start))
        return next((place for place in self.places if place.page == page), estimate)

    def remembering(self, *known: Place) -> Cursor:
        """With these places, and of the others those that are nearest."""
        pages = [place.page for place in known]
        others = [place for place in self.places if place.page not in pages]
        others.sort(key=lambda place: abs(place.page - pages[0]))
        return replace(self, places=(*known, *others)[:KEPT_PLACES])


CURSOR = Serializer(Cursor, "id", "caller")


def new_cursor_id() -> str:
    """Short enough for a button, and nothing that anybody guesses."""
    return secrets.token_urlsafe(12)


class CursorStore:
    """Cursors in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, clock: Callable[[], float]) -> None:
        self._redis, self._clock = redis, clock

    async def save(self, cursor: Cursor) -> None:
        """Keep a cursor for a day, and let its tenant know of it."""
        now = self._clock()
        index = layout.cursors(cursor.caller, cursor.tenant)
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(
                    layout.cursor(cursor.caller, cursor.id), CURSOR.write(cursor), ex=KEPT_SECONDS
                )
                pipe.zremrangebyscore(index, "-inf", now)
                pipe.zadd(index, {cursor.id: now + KEPT_SECONDS})
                pipe.expire(index, KEPT_SECONDS)
                await pipe.execute()

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> Cursor | None:
        """The user's own cursor of that id; None if it expired or can't be read.

        `owner` is the id of another user of the same workspace, whose cursor opens if it is shared.
        """
        asked_by = replace(caller, user_id=owner or caller.user_id)
        with reaching_redis():
            record = await self._redis.get(layout.cursor(asked_by, cursor_id))
        cursor = read(cursor_id, asked_by, record)
        return cursor if cursor and (cursor.shared or asked_by == caller) else None


def read(cursor_id: str, caller: Caller, record: str | None) -> Cursor | None:
    """The cursor in a record; None if there is none, or if it can't be read, which is logged."""
    try:
        return CURSOR.read(record, id=cursor_id, caller=caller) if record else None
    except Unreadable as error:
        logger.warning("a stored cursor cannot be read: %s", error)
        return None
