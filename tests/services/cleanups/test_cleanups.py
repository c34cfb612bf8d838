"""A clean-up begins only by its own number, however people write numbers."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import InvalidInput
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, Bench
from tests.store.fixtures import ADA


@pytest.fixture
async def clean_id(bench: Bench) -> str:
    """Of 1,204 jobs that were counted."""
    for _ in range(1204):
        bench.shelf.put(3600)
    preview = await bench.cleaning.look(await bench.accounts.load(ADA), FILTERS)
    return preview.clean.id


@pytest.fixture
def bench(redis: Any, clock: FakeClock) -> Bench:
    return Bench(redis, clock)


@pytest.mark.parametrize(
    "typed", ["1204", " 1204 ", "1,204", "1.204", "1 204", "1\u202f204", "1'204", "1’204"]
)
async def test_takes_the_number_as_people_write_it(bench: Bench, clean_id: str, typed: str) -> None:
    """Thousands are parted in many ways."""
    confirmation = await bench.cleaning.confirm(ADA, clean_id, typed)
    assert confirmation.clean.started_at


@pytest.mark.parametrize("typed", ["", "204", "12040", "-1204", "1204 jobs", "0x4b4", "1,204.0"])
async def test_takes_no_other(bench: Bench, clean_id: str, typed: str) -> None:
    """What could mean another number is none."""
    with pytest.raises(InvalidInput) as raised:
        await bench.cleaning.confirm(ADA, clean_id, typed)
    assert raised.value.advice == "Type 1204 to delete them."


async def test_speaks_of_one_job_as_of_one(bench: Bench) -> None:
    """It is "it"."""
    bench.shelf.put(3600)
    preview = await bench.cleaning.look(await bench.accounts.load(ADA), FILTERS)
    with pytest.raises(InvalidInput) as raised:
        await bench.cleaning.confirm(ADA, preview.clean.id, "2")
    assert raised.value.advice == "Type 1 to delete it."
