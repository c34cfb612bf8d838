"""A clean-up begins only by its own number, however people write numbers."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import InvalidInput
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, CleanupHarness
from tests.store.fixtures import ADA


@pytest.fixture
async def clean_id(harness: CleanupHarness) -> str:
    """Of 1,204 jobs that were counted."""
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
async def test_takes_the_number_as_people_write_it(
    harness: CleanupHarness, clean_id: str, typed: str
) -> None:
    """Thousands are parted in many ways."""
    confirmation = await harness.cleaning.confirm(ADA, clean_id, typed)
    assert confirmation.cleanup.started_at


@pytest.mark.parametrize("typed", ["", "204", "12040", "-1204", "1204 jobs", "0x4b4", "1,204.0"])
async def test_takes_no_other(harness: CleanupHarness, clean_id: str, typed: str) -> None:
    """What could mean another number is none."""
    with pytest.raises(InvalidInput) as raised:
        await harness.cleaning.confirm(ADA, clean_id, typed)
    assert raised.value.advice == "Type 1204 to delete them."


async def test_speaks_of_one_job_as_of_one(harness: CleanupHarness) -> None:
    """It is "it"."""
    harness.job_list.put(3600)
    preview = await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    with pytest.raises(InvalidInput) as raised:
        await harness.cleaning.confirm(ADA, preview.cleanup.id, "2")
    assert raised.value.advice == "Type 1 to delete it."
