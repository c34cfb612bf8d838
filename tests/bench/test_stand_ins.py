"""What stands around the measured processes is believable, and counts what it is to count."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.people import TEAM, connect_users, user_id
from bench.redis_trips import Trips, counting
from bench.stand_ins import emporix
from bot.emporix.models import JobPage
from bot.keys import new_key, parse_keys
from bot.models import Caller
from bot.say.agent_text import read
from bot.store.accounts import AccountStore
from bot.store.connection import connect
from bot.store.records import Records
from bot.store.vault import Vault


def test_lists_hold_what_agents_write() -> None:
    """Ten different jobs with times and agents; some messages are Markdown."""
    page = JobPage.from_json(json.loads(emporix.JOBS), page=1, size=10, total=749)
    assert len(page.jobs) == 10
    assert all(job.message and job.agent_id and job.created_at for job in page.jobs)
    assert "markdown" in {read(job.message).kind for job in page.jobs}


@pytest.fixture
async def counted(redis_url: str) -> AsyncIterator[tuple[Any, Trips]]:
    async with counting(redis_url) as (url, trips):
        client = connect(url)
        await client.ping()
        trips.count = 0
        yield client, trips
        await client.aclose()


async def test_each_wait_for_redis_counts(counted: tuple[Any, Trips]) -> None:
    """Two commands are two round trips."""
    redis, trips = counted
    await redis.get("a")
    await redis.get("b")
    assert trips.count == 2


async def test_a_pipeline_is_one_round_trip(counted: tuple[Any, Trips]) -> None:
    """However many commands it has."""
    redis, trips = counted
    async with redis.pipeline(transaction=True) as pipe:
        for number in range(100):
            pipe.get(f"key-{number}")
        await pipe.execute()
    assert trips.count == 1


async def test_users_are_connected_as_the_app_would_do_it(redis: Any, redis_url: str) -> None:
    """Each of them has a connection that opens, with a token."""
    key = new_key()
    await connect_users(redis_url, key, 3)
    store = AccountStore(redis, Records(Vault(parse_keys(key))))
    for number in range(3):
        account = await store.load(Caller(TEAM, user_id(number)))
        assert account.default_tenant == emporix.TENANT
        assert account.connections[emporix.TENANT].token is not None
    assert await redis.dbsize() == 3
