"""Which jobs a clean-up includes: jobs from Emporix are compared with the filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cleanups import Cleanup
from bot.domain.filters import Filters
from bot.domain.jobs import Job
from bot.errors import InvalidInput
from bot.services.cleanups.selection import check_filters, matches_cleanup
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, CleanupHarness
from tests.store.fixtures import ADA

UNTIL = "2026-11-23T10:00:00.000Z"
JOB = Job(
    id="job-1",
    status="failure",
    type="EXPORT",
    agent_id="Complaint-Agent",
    agent_type="anti_fraud",
    session_id="s-1",
    commerce_event="order.order-created",
    message="The Late Refund (EON1031) was sent.",
    created_at="2026-11-23T09:00:00.000Z",
    modified_at=UNTIL,
)
CREATED = 1_795_424_400.0  # 2026-11-23 09:00 UTC
ALL = Filters(
    words=("late refund", "(eon1031)"),
    statuses=("skipped", "failure"),
    types=("EXPORT",),
    agents=("Complaint-Agent",),
    agent_types=("anti_fraud",),
    events=("order.order-created",),
    sessions=("s-1", "s-2"),
    since=CREATED,
    until=CREATED + 1,
)


def clean(filters: Filters) -> Cleanup:
    return Cleanup("clean-1", ADA, "acme", filters, 1, UNTIL)


def test_matching_jobs_are_included() -> None:
    """All filters apply together, spelled as in Emporix's responses or as in its queries."""
    assert matches_cleanup(JOB, clean(ALL))
    assert matches_cleanup(replace(JOB, agent_type="ANTI_FRAUD", status="FAILURE"), clean(ALL))


@pytest.mark.parametrize(
    "facts",
    [
        {"id": ""},
        {"status": "success"},
        {"status": ""},
        {"type": "IMPORT"},
        {"agent_id": "complaint-agent"},
        {"agent_type": "generic"},
        {"session_id": "s-3"},
        {"commerce_event": ""},
        {"message": "The refund was late."},
        {"created_at": "2026-11-23T08:59:59.999Z"},
        {"created_at": "2026-11-23T09:00:01.000Z"},
        {"created_at": ""},
        {"modified_at": "2026-11-23T10:00:00.001Z"},
        {"modified_at": ""},
        {"modified_at": "yesterday"},
    ],
    ids=str,
)
def test_other_jobs_are_excluded(facts: dict[str, Any]) -> None:
    """One difference is enough to exclude a job."""
    assert not matches_cleanup(replace(JOB, **facts), clean(ALL))


@given(text=st.text(max_size=30))
def test_an_unreadable_time_excludes_a_job(text: str) -> None:
    """A job with an unreadable time does not count as modified before the count."""
    assert isinstance(
        matches_cleanup(replace(JOB, modified_at=text, created_at=text), clean(ALL)), bool
    )


@pytest.mark.parametrize("name", ["words", "statuses", "types", "agents", "events", "sessions"])
def test_each_filter_narrows(name: str) -> None:
    """One filter of any kind is enough."""
    facts: dict[str, Any] = {name: ("x",)}
    check_filters(Filters(**facts))


@pytest.mark.parametrize("facts", [{}, {"tenant": "acme"}, {"size": 5}, {"fields": ("id",)}])
def test_filters_for_all_jobs_are_refused(facts: dict[str, Any]) -> None:
    """Filters that exclude no job are refused."""
    with pytest.raises(InvalidInput):
        check_filters(Filters(**facts))


async def test_works_with_a_fast_local_clock(redis: Any, clock: FakeClock) -> None:
    """A job that arrives after the count is kept even if the local clock is an hour fast."""
    harness = CleanupHarness(redis, clock)
    harness.job_list.put(7200)
    clock.forward(3600)
    begun = await harness.begin()
    clock.forward(-3600)
    arrived = harness.job_list.put(-1)
    clock.forward(3600)
    report = await harness.run_to_end(begun)
    assert (report.deleted, harness.job_list.present) == (1, {arrived})


async def test_counts_excluded_jobs(redis: Any, clock: FakeClock) -> None:
    """Jobs without a time match, but are excluded and counted."""
    harness = CleanupHarness(redis, clock)
    harness.job_list.put(60)
    harness.job_list.put(None)
    harness.job_list.put(None)
    preview = await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    assert (preview.cleanup.counted, preview.excluded) == (1, 2)
