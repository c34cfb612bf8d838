"""Whatever happens meanwhile: no job outside of the counted set is deleted."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import EmporixFailed, EmporixTimeout
from bot.store import keys as redis_keys
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import FILTERS, Bench, Killed
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
    """Whatever arrives, changes, is deleted by others, fails or is killed in between."""
    await redis.flushall()
    bench = Bench(redis, FakeClock())
    counted = {bench.shelf.put(age) for age in ages}
    bench.shelf.put(3, agent="b")
    bench.shelf.put(None)
    preview = await bench.cleaning.look(await bench.accounts.load(ADA), FILTERS)
    world = World(bench, counted, picks)
    for step in between:
        world.step(step)
    confirmation = await bench.cleaning.confirm(ADA, preview.clean.id, str(preview.clean.counted))
    clean = confirmation.clean
    if confirmation.was is not None:
        if not clean.counted:
            return
        clean = (await bench.cleaning.confirm(ADA, clean.id, str(clean.counted))).clean
    changed = set(world.changed)
    bench.emporix.before = bench.emporix.after = world.meanwhile(during)
    while True:
        try:
            report = await bench.to_the_end(clean)
            break
        except Killed:
            await redis.delete(redis_keys.cleanup_lease(clean.id))
    deleted = bench.emporix.deleted
    assert set(deleted) <= counted
    assert set(deleted).isdisjoint(changed)
    assert len(deleted) == len(set(deleted)) <= clean.counted
    assert report.deleted + report.already_gone + report.missing == clean.counted
    assert len(deleted) <= report.deleted + report.already_gone
    assert world.arrived <= bench.shelf.present | world.taken


class World:
    """What others do meanwhile. `counted` were there when the jobs were counted."""

    def __init__(self, bench: Bench, counted: set[str], picks: Any) -> None:
        self.bench, self.counted, self.picks = bench, counted, picks
        self.arrived: set[str] = set()
        self.taken: set[str] = set()
        self.changed: set[str] = set()

    def step(self, step: str) -> None:
        """One thing happens, some time after what came before."""
        bench, shelf = self.bench, self.bench.shelf
        bench.clock.forward(1)
        here = sorted(shelf.present & self.counted)
        if step == "arrives":
            self.arrived.add(shelf.put())
        elif step == "arrives late":
            self.arrived.add(shelf.put(0.5))
        elif here and step == "changes":
            job_id = self.picks.choice(here)
            now = iso(bench.clock())
            job = shelf.jobs.get(job_id) or {}
            shelf.jobs.put(job | {"metadata": job["metadata"] | {"modifiedAt": now}})
            self.changed.add(job_id)
        elif here and step == "is deleted":
            self.taken.add(job_id := self.picks.choice(here))
            shelf.remove(job_id)

    def meanwhile(self, steps: list[str]) -> Any:
        """A step at each call of Emporix, as long as there are any."""
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
