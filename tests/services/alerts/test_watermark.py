"""The watermark: every change is reported once, even if it is late, repeated or concurrent."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.conditions import WATERMARK_OVERLAP_SECONDS, Watermark
from bot.domain.jobs import Job, modified_at
from bot.services.agents import FetchedJobs
from bot.services.alerts.poll import (
    advance,
    count_unfetched,
    initial_watermark,
)
from sandbox.emporix.times import iso

START = 1_795_430_000.0


def job(number: int, at: float, version: int = 1, status: str = "failure") -> Job:
    return Job(id=f"job-{number}", status=status, modified_at=iso(at), version=str(version))


def fetched_jobs(jobs: list[Job], since: float, most: int = 1000) -> FetchedJobs:
    """The result of a poll that finds these jobs."""
    within = sorted(
        (one for one in jobs if modified_at(one) >= since), key=modified_at, reverse=True
    )
    return FetchedJobs(tuple(within[:most]), since, len(within) <= most, len(within))


def ids(news: tuple[Job, ...]) -> list[str]:
    return [one.id for one in news]


def test_a_new_alert_ignores_existing_jobs() -> None:
    """Jobs that exist when the alert is turned on are not reported, however new they are."""
    jobs = [job(1, START - 3600), job(2, START - 1)]
    mark = initial_watermark(fetched_jobs(jobs, 0.0), START)
    assert advance(mark, fetched_jobs(jobs, mark.begin))[0] == ()
    jobs.append(job(3, START + 1))
    assert ids(advance(mark, fetched_jobs(jobs, mark.begin))[0]) == ["job-3"]


def test_an_alert_can_start_without_jobs() -> None:
    """The first job is reported, even if Emporix's clock is some minutes slow."""
    mark = initial_watermark(fetched_jobs([], 0.0), START)
    assert ids(
        advance(mark, fetched_jobs([job(1, START - WATERMARK_OVERLAP_SECONDS)], mark.begin))[0]
    ) == ["job-1"]


def test_a_changed_job_is_reported_again() -> None:
    """A job that changes and still matches is reported again; an unchanged one is not."""
    jobs = [job(1, START), job(2, START)]
    _, mark = advance(Watermark(START - 10), fetched_jobs(jobs, 0.0))
    changed = [job(1, START + 5, version=2), job(2, START)]
    assert ids(advance(mark, fetched_jobs(changed, mark.begin))[0]) == ["job-1"]


def test_changes_come_oldest_first() -> None:
    """Changes are reported in the order in which they happened."""
    jobs = [job(1, START + 2), job(2, START + 1), job(3, START + 3)]
    news, _ = advance(Watermark(START), fetched_jobs(jobs, START - WATERMARK_OVERLAP_SECONDS))
    assert ids(news) == ["job-2", "job-1", "job-3"]


def test_a_flood_is_counted_once() -> None:
    """Changes that are too many to be fetched are counted, and not reported later."""
    jobs = [job(number, START + number) for number in range(100)]
    mark = Watermark(START - 1)
    fetched = fetched_jobs(jobs, mark.begin, most=20)
    news, after = advance(mark, fetched)
    assert (len(news), count_unfetched(mark, fetched)) == (20, 80)
    again = fetched_jobs(jobs, after.begin)
    assert advance(after, again)[0] == ()
    assert count_unfetched(after, again) == 0


def test_a_job_without_a_time_is_never_reported() -> None:
    """It is unknown when such a job changed."""
    assert advance(Watermark(START), FetchedJobs((Job(id="a"),), 0.0, True, 1))[0] == ()


@dataclass
class Emporix:
    """Jobs that change; each change becomes visible some time after it happened."""

    states: list[tuple[float, Job]] = field(default_factory=list)

    def change(self, number: int, at: float, lag: float) -> None:
        version = sum(one.id == f"job-{number}" for _, one in self.states) + 1
        self.states.append((at + lag, job(number, at, version)))

    def seen(self, now: float) -> list[Job]:
        newest: dict[str, Job] = {}
        for shown_at, one in self.states:
            old = newest.get(one.id)
            if shown_at <= now and (old is None or int(old.version) < int(one.version)):
                newest[one.id] = one
        return list(newest.values())


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("change"),
            st.integers(0, 5),
            st.floats(0, WATERMARK_OVERLAP_SECONDS - 1, allow_nan=False),
        ),
        st.tuples(st.just("wait"), st.integers(0, 400), st.just(0.0)),
        st.tuples(st.sampled_from(["poll", "lost"]), st.just(0), st.just(0.0)),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(steps)
def test_every_visible_change_is_reported_once(steps: list[tuple[str, int, float]]) -> None:
    """Changes are reported once for any order of changes and polls, including late changes and
    failed polls.
    """
    emporix, now, mark = Emporix(), START, initial_watermark(fetched_jobs([], 0.0), START)
    reported: list[tuple[str, str]] = []
    visible: set[tuple[str, str]] = set()
    for what, number, lag in [*steps, ("wait", 400, 0.0), ("poll", 0, 0.0)]:
        now += 0.25
        if what == "change":
            emporix.change(number, now, lag)
        elif what == "wait":
            now += number
        else:  # the result of a poll is lost if the worker dies
            jobs = emporix.seen(now)
            news, after = advance(mark, fetched_jobs(jobs, mark.begin))
            if what == "poll":
                reported += [(one.id, one.version) for one in news]
                mark = after
                visible |= {(one.id, one.version) for one in jobs}
    assert sorted(reported) == sorted(visible)
    assert len(mark.seen) <= 6
