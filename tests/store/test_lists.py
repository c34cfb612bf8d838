"""A cursor is kept for a day, for the user who created it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.filters import Filters
from bot.domain.lists import ListCursor, PagePosition, ReadMark
from bot.services.pagination import advanced, page_position, short_hash, with_positions
from bot.store import keys as redis_keys
from bot.store.ui_state import CURSOR_SERIALIZER, LIST_TTL_SECONDS, ListStore, new_cursor_id
from tests.harness.clock import FakeClock
from tests.store.fixtures import ADA, GRACE

ASKED = ListCursor(
    id="cursor-1",
    caller=ADA,
    tenant="acme",
    filters=Filters(words=("late “refund”",), statuses=("failure",), size=5),
    searched=True,
    until="2026-11-23T10:33:20.000Z",
    total=57,
    undated=2,
    positions=(
        PagePosition(1),
        PagePosition(
            2, 5, "2026-11-23T10:30:00.000Z", ReadMark(2, ("abcdefgh", "ABCD-_12")), ReadMark(1)
        ),
        PagePosition(9, 40, "", ReadMark(40, is_complete=False), ReadMark()),
    ),
)


@pytest.fixture
def cursors(redis: Any, clock: FakeClock) -> ListStore:
    return ListStore(redis, clock)


async def test_loads_the_saved_cursor(cursors: ListStore) -> None:
    """A cursor is loaded as it was saved."""
    await cursors.save(ASKED)
    assert await cursors.load(ADA, "cursor-1") == ASKED


async def test_other_users_can_load_a_shared_cursor(cursors: ListStore) -> None:
    """With the owner's id, another user in the workspace can load a shared cursor."""
    shared = replace(ASKED, shared=True)
    await cursors.save(shared)
    assert await cursors.load(GRACE, "cursor-1", owner=ADA.user_id) == shared
    assert await cursors.load(ADA, "cursor-1") == shared


async def test_the_owners_id_alone_is_not_enough(cursors: ListStore) -> None:
    """A cursor that isn't shared, or belongs to another workspace, can't be loaded."""
    await cursors.save(ASKED)
    assert await cursors.load(GRACE, "cursor-1", owner=ADA.user_id) is None
    await cursors.save(replace(ASKED, shared=True))
    elsewhere = replace(GRACE, team_id="T0OTHER")
    assert await cursors.load(elsewhere, "cursor-1", owner=ADA.user_id) is None


async def test_other_users_cannot_load_a_private_cursor(cursors: ListStore) -> None:
    """Another user can't load a cursor by its id."""
    await cursors.save(ASKED)
    assert await cursors.load(GRACE, "cursor-1") is None


async def test_expires_after_a_day(cursors: ListStore, redis: Any) -> None:
    """Both keys of a cursor expire."""
    await cursors.save(ASKED)
    for key in (redis_keys.cursor(ADA, "cursor-1"), redis_keys.cursors(ADA, "acme")):
        assert 0 < await redis.ttl(key) <= LIST_TTL_SECONDS


async def test_forgets_expired_cursors_of_the_tenant(
    cursors: ListStore, redis: Any, clock: FakeClock
) -> None:
    """Expired cursors are removed from the index of their tenant."""
    await cursors.save(ASKED)
    clock.forward(LIST_TTL_SECONDS + 1)
    await cursors.save(ListCursor("cursor-2", ADA, "acme", Filters()))
    assert await redis.zrange(redis_keys.cursors(ADA, "acme"), 0, -1) == ["cursor-2"]


async def test_an_incomplete_record_counts_as_expired(cursors: ListStore, redis: Any) -> None:
    """An incomplete record counts as expired."""
    await redis.set(redis_keys.cursor(ADA, "cursor-1"), json.dumps({"filters": {}}))
    assert await cursors.load(ADA, "cursor-1") is None


async def test_reads_a_record_from_before_there_were_places(cursors: ListStore, redis: Any) -> None:
    """A record of an older version, without page positions, can be loaded."""
    old = {"version": 1, "tenant": "acme", "searched": False, "filters": {"statuses": ["failure"]}}
    await redis.set(redis_keys.cursor(ADA, "cursor-1"), json.dumps(old))
    filters = Filters(statuses=("failure",))
    assert await cursors.load(ADA, "cursor-1") == ListCursor("cursor-1", ADA, "acme", filters)


def test_a_record_is_small() -> None:
    """The record has at most a few kilobytes, however many pages are shown."""
    cursor = ASKED
    for number in range(1, 200):
        mark = advanced(ReadMark(), (short_hash(f"{number}-{job}") for job in range(50)), 10**6)
        cursor = with_positions(
            cursor, PagePosition(number, 10**6, "2026-11-23T10:33:20.000Z", mark, mark)
        )
    assert len(CURSOR_SERIALIZER.write(cursor).encode()) < 11_000
    assert page_position(cursor, 199).offset == 10**6


def test_remembers_the_nearest_places() -> None:
    """The positions of the pages around the current one are kept."""
    cursor = ASKED
    for number in (*range(1, 30), *range(30, 15, -1)):
        cursor = with_positions(
            cursor, PagePosition(number, 1000 + number), PagePosition(number + 1, 1001 + number)
        )
    assert [page_position(cursor, near).offset for near in (16, 17, 18)] == [1016, 1017, 1018]


def test_ids_do_not_repeat() -> None:
    """Cursor ids are too long to guess."""
    assert len({new_cursor_id() for _ in range(1000)}) == 1000
