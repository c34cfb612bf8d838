"""Deletes: each one is recorded and reports its outcome, whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from bot.domain.accounts import Account, Caller, Connection
from bot.domain.jobs import DeletedJob
from bot.errors import (
    BotError,
    EmporixFailed,
    EmporixTimeout,
    EmporixUnreachable,
    Forbidden,
    MissingScope,
    NotConnected,
    RateLimited,
    StoreUnavailable,
)
from bot.services.deletes import DeleteService, SharedDeletes, delete_each
from bot.store.audit import AuditLog
from bot.store.connection import connect
from bot.store.idempotency import Deletions
from sandbox.redis_server import redis_server
from tests.harness.app import patient
from tests.harness.clock import FakeClock
from tests.store.fixtures import ADA, connection

ACCOUNT = Account(ADA, {"acme": connection()}, "acme")


class FakeEmporix:
    """Has every job; calls `meanwhile` while it deletes one."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.deleted: list[str] = []
        self.meanwhile = meanwhile
        self.fails = False

    async def delete_job(self, connection: Connection, job_id: str) -> bool:
        self.meanwhile()
        if self.fails:
            raise EmporixTimeout
        self.deleted.append(job_id)
        return True


class Server:
    """A Redis server that can be stopped, and restarted with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._running = folder, ExitStack()
        self.start()

    def start(self) -> None:
        self.url = self._running.enter_context(redis_server(self._folder))

    def stop(self) -> None:
        self._running.close()

    async def results(self) -> list[str]:
        """The results of Ada's deletes in the audit log, newest first."""
        redis = connect(patient(self.url))
        entries = await AuditLog(redis).latest(ADA, 10)
        await redis.aclose()
        return [entry.result for entry in entries]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.stop()


async def test_is_recorded_as_begun_before_the_delete(server: Server) -> None:
    """If Redis fails during the delete, the entry "begun" stays, and success is reported."""
    redis, emporix = connect(patient(server.url)), FakeEmporix(meanwhile=server.stop)
    deletion = await DeleteService(cast("Any", emporix), AuditLog(redis)).delete(
        ACCOUNT, "job-1", "acme"
    )
    await redis.aclose()
    server.start()
    assert not deletion.already_gone
    assert emporix.deleted == ["job-1"]
    assert await server.results() == ["begun"]


async def test_nothing_is_deleted_without_a_record(server: Server) -> None:
    """If Redis is down before the delete, the job is kept, and the error says so."""
    server.stop()
    redis, emporix = connect(patient(server.url)), FakeEmporix()
    with pytest.raises(StoreUnavailable):
        await DeleteService(cast("Any", emporix), AuditLog(redis)).delete(ACCOUNT, "job-1", "acme")
    await redis.aclose()
    server.start()
    assert emporix.deleted == []


async def test_reports_a_failure_that_cannot_be_recorded(server: Server) -> None:
    """Emporix's error is raised even if Redis is down, too."""
    redis, emporix = connect(patient(server.url)), FakeEmporix(meanwhile=server.stop)
    emporix.fails = True
    with pytest.raises(EmporixTimeout):
        await DeleteService(cast("Any", emporix), AuditLog(redis)).delete(ACCOUNT, "job-1", "acme")
    await redis.aclose()
    server.start()
    assert await server.results() == ["begun"]


async def test_the_result_replaces_the_entry_begun(server: Server) -> None:
    """Each delete has one audit entry."""
    redis = connect(patient(server.url))
    await DeleteService(cast("Any", FakeEmporix()), AuditLog(redis)).delete(
        ACCOUNT, "job-1", "acme"
    )
    await redis.aclose()
    assert await server.results() == ["deleted"]


async def test_reports_deletes_in_channels_without_redis(server: Server, clock: FakeClock) -> None:
    """A delete in a channel succeeds even if Redis fails before it can be saved for others."""
    redis, emporix = connect(patient(server.url)), FakeEmporix(meanwhile=server.stop)
    deletes = DeleteService(cast("Any", emporix), AuditLog(redis))
    shared = SharedDeletes(deletes, Deletions(redis), clock)
    deleted = await shared.delete(ACCOUNT, "job-1", "acme")
    await redis.aclose()
    server.start()
    assert (deleted.user_id, deleted.job_id, deleted.at) == ("U0ADA", "job-1", clock.now)


ADA_ACCOUNT = Account(Caller("T0ACME", "U0ADA"))
JOBS = [("acme", "1"), ("globex", "2"), ("acme", "3"), ("globex", "4")]


class FakeDeletes:
    """Deletes all jobs except those with another result; `tried` lists the attempts."""

    def __init__(self, ends: Mapping[str, BotError | str]) -> None:
        self._ends = ends
        self.tried: list[str] = []

    async def delete(self, account: Account, job_id: str, tenant: str) -> DeletedJob:
        self.tried.append(job_id)
        end = self._ends.get(job_id, account.caller.user_id)
        if isinstance(end, BotError):
            raise end
        return DeletedJob(tenant, job_id, end, 0.0)


async def results(deletes: FakeDeletes) -> list[str]:
    return [
        outcome.result async for outcome in delete_each(cast("Any", deletes), ADA_ACCOUNT, JOBS)
    ]


async def test_deletes_jobs_in_order() -> None:
    """Jobs are deleted in order, and a job that is already gone is no failure."""
    deletes = FakeDeletes({"2": ""})
    assert await results(deletes) == ["deleted", "already_gone", "deleted", "deleted"]
    assert deletes.tried == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "error", [Forbidden(), EmporixFailed(), MissingScope("acme", "x"), NotConnected("acme")]
)
async def test_continues_after_an_error_about_one_job(error: BotError) -> None:
    """Other jobs are deleted after an error about a single job."""
    deletes = FakeDeletes({"1": error})
    assert await results(deletes) == [error.template, "deleted", "deleted", "deleted"]


@pytest.mark.parametrize("error", [EmporixUnreachable(), RateLimited(), StoreUnavailable()])
async def test_stops_a_tenant_after_its_connection_failed(error: BotError) -> None:
    """After a connection error, other jobs of the tenant are not tried, but those of other tenants
    are.
    """
    deletes = FakeDeletes({"1": error})
    assert await results(deletes) == [error.template, "deleted", "not_tried", "deleted"]
    assert deletes.tried == ["1", "2", "4"]
