"""Several deletes: each tells how it ended, and what would meet all of them is met once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from bot.domain.accounts import Account, Caller
from bot.domain.jobs import DeletedJob
from bot.errors import (
    BotError,
    EmporixFailed,
    EmporixUnreachable,
    Forbidden,
    MissingScope,
    NotConnected,
    RateLimited,
    StoreUnavailable,
)
from bot.services.deletes import delete_each

ADA = Account(Caller("T0ACME", "U0ADA"))
JOBS = [("acme", "1"), ("globex", "2"), ("acme", "3"), ("globex", "4")]


class FakeDeletes:
    """Deletes all but those that end otherwise; notes what was tried."""

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
    return [outcome.result async for outcome in delete_each(cast("Any", deletes), ADA, JOBS)]


async def test_deletes_each_in_its_order() -> None:
    """A job that was gone already is no failure."""
    deletes = FakeDeletes({"2": ""})
    assert await results(deletes) == ["deleted", "already_gone", "deleted", "deleted"]
    assert deletes.tried == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "error", [Forbidden(), EmporixFailed(), MissingScope("acme", "x"), NotConnected("acme")]
)
async def test_goes_on_after_what_was_about_one(error: BotError) -> None:
    """The others have their own answer."""
    deletes = FakeDeletes({"1": error})
    assert await results(deletes) == [error.template, "deleted", "deleted", "deleted"]


@pytest.mark.parametrize("error", [EmporixUnreachable(), RateLimited(), StoreUnavailable()])
async def test_leaves_the_rest_of_a_tenant_alone(error: BotError) -> None:
    """Nobody waits eight seconds for each of twenty jobs; another tenant may go better."""
    deletes = FakeDeletes({"1": error})
    assert await results(deletes) == [error.template, "deleted", "not_tried", "deleted"]
    assert deletes.tried == ["1", "2", "4"]
