"""A clean-up starts only if its exact number is typed, in any usual notation."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import InvalidInput
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, CleanupHarness
from tests.store.fixtures import ADA


@pytest.fixture
async def clean_id(harness: CleanupHarness) -> str:
    """The id of a clean-up that counted 1,204 jobs."""
    for _ in range(1204):
        harness.job_list.put(3600)
    preview = await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    return preview.cleanup.id


@pytest.fixture
def harness(redis: Any, clock: FakeClock) -> CleanupHarness:
    return CleanupHarness(redis, clock)


@pytest.mark.parametrize(
    "typed", ["1204", " 1204 ", "1,204", "1.204", "1 204", "1\u202f204", "1'204", "1’204"]
)
async def test_accepts_usual_notations_of_the_number(
    harness: CleanupHarness, clean_id: str, typed: str
) -> None:
    """Thousands may be separated in several ways."""
    confirmation = await harness.cleaning.confirm(ADA, clean_id, typed)
    assert confirmation.cleanup.started_at


@pytest.mark.parametrize("typed", ["", "204", "12040", "-1204", "1204 jobs", "0x4b4", "1,204.0"])
async def test_refuses_other_numbers(harness: CleanupHarness, clean_id: str, typed: str) -> None:
    """Text that could mean another number is refused."""
    with pytest.raises(InvalidInput) as raised:
        await harness.cleaning.confirm(ADA, clean_id, typed)
    assert raised.value.advice == "Type 1204 to delete them."


async def test_uses_the_singular_for_one_job(harness: CleanupHarness) -> None:
    """The error about one job says "it"."""
    harness.job_list.put(3600)
    preview = await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    with pytest.raises(InvalidInput) as raised:
        await harness.cleaning.confirm(ADA, preview.cleanup.id, "2")
    assert raised.value.advice == "Type 1 to delete it."
