"""Fixtures for most tests: a clock that stands still, a real Redis, and the app harness."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, settings
from syrupy.assertion import SnapshotAssertion

from bot.store.connection import connect
from bot.store.errors import REDIS_ERROR_LOG
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.redis_server import redis_server
from tests.harness.app import AppHarness, open_app, patient
from tests.harness.clock import FakeClock
from tests.harness.runs import add_failed

# A busy machine is no reason to fail; what may take how long, some tests say in CPU time.
# CI generates the same examples each time, so only a change can break it; other runs explore.
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("unhurried")


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Without the marks of posts, which hash random ids."""
    return snapshot.with_defaults(matcher=_without_mark)


def _without_mark(*, data: Any, path: Any) -> Any:
    is_mark = isinstance(data, str) and re.fullmatch(r"post\.[0-9a-f]{40}", data)
    return "post.mark" if is_mark else data


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis server for this test process."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with redis_server(folder) as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    """A client of an empty Redis."""
    client = connect(patient(redis_url))
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(autouse=True, scope="session")
def _no_pauses_between_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture(autouse=True)
def _trouble_is_logged() -> None:
    """Each test finds its own trouble with Redis in the log, however recent the last line is."""
    REDIS_ERROR_LOG.reset()


@pytest.fixture
async def harness(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[AppHarness]:
    """An app without connections and without jobs."""
    async with open_app(redis, redis_url, clock) as opened:
        yield opened


@pytest.fixture
async def connected(harness: AppHarness) -> AppHarness:
    """Ada is connected to acme, and may delete."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    return harness


@pytest.fixture
async def acting(harness: AppHarness) -> AppHarness:
    """Ada is connected and allows agent actions; one job has failed."""
    add_failed(harness)
    await harness.connect(harness.ada, ACME_OPERATIONS, with_actions=True)
    return harness
