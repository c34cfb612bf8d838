"""Lists whose pages can be turned: what was asked, kept for a day."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.models import Caller, Filters
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

VERSION = 1
KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Cursor:
    """Who asked for what: `id` is all that a button holds of it."""

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    searched: bool = False
    """True for `jobs search`, whose pages are fetched by the search call."""
    shared: bool = False
    """True for a list that stands in a channel: others may ask the same with their own rights."""

    def at(self, page: int) -> Cursor:
        return replace(self, filters=replace(self.filters, page=page))


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
                pipe.set(layout.cursor(cursor.caller, cursor.id), _dump(cursor), ex=KEPT_SECONDS)
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
        cursor = _read(cursor_id, asked_by, record) if record else None
        return cursor if cursor and (cursor.shared or asked_by == caller) else None


def _dump(cursor: Cursor) -> str:
    facts = {
        "version": VERSION,
        "tenant": cursor.tenant,
        "searched": cursor.searched,
        "shared": cursor.shared,
        "filters": asdict(cursor.filters),
    }
    return json.dumps(facts, ensure_ascii=False)


def _read(cursor_id: str, caller: Caller, record: str) -> Cursor | None:
    facts = json.loads(record)
    if facts.get("version") != VERSION:
        return None
    filters: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in facts["filters"].items()
    }
    return Cursor(
        cursor_id,
        caller,
        facts["tenant"],
        Filters(**filters),
        searched=facts["searched"],
        shared=facts.get("shared", False),
    )
