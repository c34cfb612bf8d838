"""No job outside the counted set is deleted, whatever changes during the clean-up."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import EmporixFailed, EmporixTimeout
from bot.store import keys as redis_keys
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, CleanupHarness, Killed
from tests.store.fixtures import ADA

STEPS = st.sampled_from(
    ["arrives", "arrives late", "changes", "is deleted", "fails", "is cut", "kills", "waits"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ages=st.lists(st.integers(0, 5), min_size=1, max_size=14),
    between=st.lists(STEPS, max_size=4),
    during=st.lists(STEPS, max_size=10),
    picks=st.randoms(use_true_random=False),
)
async def test_nothing_outside_the_counted_set_is_deleted(
    redis: Any, ages: list[int], between: list[str], during: list[str], picks: Any
) -> None:
    """Only counted jobs are deleted despite concurrent changes, failures and killed workers."""
    await redis.flushall()
    harness = CleanupHarness(redis, FakeClock())
    counted = {harness.job_list.put(age) for age in ages}
    harness.job_list.put(3, agent="b")
    harness.job_list.put(None)
    preview = await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    concurrent = ConcurrentChanges(harness, counted, picks)
    for step in between:
        concurrent.step(step)
    confirmation = await harness.cleaning.confirm(
        ADA, preview.cleanup.id, str(preview.cleanup.counted)
    )
    clean = confirmation.cleanup
    if confirmation.previous_count is not None:
        if not clean.counted:
            return
        clean = (await harness.cleaning.confirm(ADA, clean.id, str(clean.counted))).cleanup
    changed = set(concurrent.changed)
    harness.emporix.before = harness.emporix.after = concurrent.meanwhile(during)
    while True:
        try:
            report = await harness.run_to_end(clean)
            break
        except Killed:
            await redis.delete(redis_keys.cleanup_lease(clean.id))
    deleted = harness.emporix.deleted
    assert set(deleted) <= counted
    assert set(deleted).isdisjoint(changed)
    assert len(deleted) == len(set(deleted)) <= clean.counted
    assert report.deleted + report.already_gone + report.missing == clean.counted
    assert len(deleted) <= report.deleted + report.already_gone
    assert concurrent.arrived <= harness.job_list.present | concurrent.taken


class ConcurrentChanges:
    """Random changes by others; `counted` are the jobs that were counted."""

    def __init__(self, harness: CleanupHarness, counted: set[str], picks: Any) -> None:
        self.harness, self.counted, self.picks = harness, counted, picks
        self.arrived: set[str] = set()
        self.taken: set[str] = set()
        self.changed: set[str] = set()

    def step(self, step: str) -> None:
        """Make one change, some time after the last one."""
        harness, job_list = self.harness, self.harness.job_list
        harness.clock.forward(1)
        here = sorted(job_list.present & self.counted)
        if step == "arrives":
            self.arrived.add(job_list.put())
        elif step == "arrives late":
            self.arrived.add(job_list.put(0.5))
        elif here and step == "changes":
            job_id = self.picks.choice(here)
            now = iso(harness.clock())
            job = job_list.jobs.get(job_id) or {}
            job_list.jobs.put(job | {"metadata": job["metadata"] | {"modifiedAt": now}})
            self.changed.add(job_id)
        elif here and step == "is deleted":
            self.taken.add(job_id := self.picks.choice(here))
            job_list.remove(job_id)

    def meanwhile(self, steps: list[str]) -> Any:
        """Return a callback that makes a change at each call to Emporix, while there are any."""
        left = list(steps)

        def happen(_: str) -> None:
            if not left:
                return
            step = left.pop()
            self.step(step)
            if step == "kills":
                raise Killed
            if step in ("fails", "is cut"):
                raise EmporixFailed if step == "fails" else EmporixTimeout

        return happen
