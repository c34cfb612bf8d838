"""Lists whose pages can be turned: what was asked, kept for a day."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.models import Caller, Filters
from bot.store import layout, places
from bot.store.connection import Commands, reaching_redis
from bot.store.places import Mark, Place

VERSION = 1
KEPT_SECONDS = 24 * 60 * 60
KEPT_PLACES = 10  # with these a cursor has some 4 kB beside the words of its query


@dataclass(frozen=True, slots=True)
class Cursor:
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
                pipe.set(layout.cursor(cursor.caller, cursor.id), dump(cursor), ex=KEPT_SECONDS)
                pipe.zremrangebyscore(index, "-inf", now)
                pipe.zadd(index, {cursor.id: now + KEPT_SECONDS})
                pipe.expire(index, KEPT_SECONDS)
                await pipe.execute()

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> Cursor | None:
        """The user's own cursor of that id; None where it expired or is another version's.

        `owner` is the id of another user of the same workspace, whose cursor opens if it is shared.
        """
        asked_by = replace(caller, user_id=owner or caller.user_id)
        with reaching_redis():
            record = await self._redis.get(layout.cursor(asked_by, cursor_id))
        cursor = read(cursor_id, asked_by, record)
        return cursor if cursor and (cursor.shared or asked_by == caller) else None


def read(cursor_id: str, caller: Caller, record: str | None) -> Cursor | None:
    """The cursor in a record; None where there is none, or another version's."""
    facts = json.loads(record) if record else {}
    if facts.get("version") != VERSION:
        return None
    return Cursor(
        cursor_id,
        caller,
        facts["tenant"],
        read_filters(facts["filters"]),
        facts["searched"],
        facts.get("shared", False),
        until=facts.get("until", ""),
        counted=facts.get("counted"),
        undated=facts.get("undated"),
        places=tuple(map(places.load, facts.get("places", ()))),
    )


def dump(cursor: Cursor) -> str:
    """The record of a cursor; its id and its owner are the key."""
    facts = {
        "version": VERSION,
        "tenant": cursor.tenant,
        "searched": cursor.searched,
        "shared": cursor.shared,
        "filters": asdict(cursor.filters),
        "until": cursor.until,
        "counted": cursor.counted,
        "undated": cursor.undated,
        "places": [places.dump(place) for place in cursor.places],
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def read_filters(facts: Mapping[str, Any]) -> Filters:
    """The filters that `asdict` and JSON have made of them."""
    return Filters(**with_tuples(facts))


def with_tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`facts` as they were before JSON made lists of tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
    }
