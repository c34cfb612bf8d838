"""Conditions of alerts: each burst, stuck job and silence is reported exactly once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.domain.conditions import (
    MAX_RUNNING_JOBS,
    Condition,
    HeldChange,
    JobChange,
    Progress,
    RunningJob,
    Silence,
    add_to_bursts,
    after_answer,
    after_lookup,
    after_running,
    is_usual,
    silence_question,
)
from bot.domain.jobs import FailedAgent, Recovery, add_recoveries, without_failed

START = 1_795_430_000.0
FIVE = Condition(at_least=5, within=600.0)
HOUR, DAY = 3_600.0, 86_400.0


def failures(times: list[float]) -> list[JobChange]:
    return [JobChange(f"job-{number}", at=START + at) for number, at in enumerate(times)]


def reports(polls: list[list[JobChange]], condition: Condition = FIVE) -> list[list[str]]:
    """What several polls report, one after the other."""
    held: tuple[HeldChange, ...] = ()
    found = []
    for changes in polls:
        held, reported = add_to_bursts(held, changes, condition)
        found.append([change.job_id for change in reported])
    return found


def test_fewer_failures_are_not_reported() -> None:
    """Four failures in ten minutes, or five in eleven, are no burst of five in ten."""
    assert reports([failures([0, 1, 2, 3])]) == [[]]
    assert reports([failures([0, 150, 300, 450, 601])]) == [[]]
    assert reports([failures([0, 150, 300, 450, 600])]) != [[]]


def test_a_burst_is_reported_when_it_is_complete() -> None:
    """The fifth failure reports all five; the next ones belong to the same burst."""
    jobs = failures([0, 100, 200, 300, 400, 500, 900])
    polls = [jobs[:4], jobs[4:5], jobs[5:6], jobs[6:]]
    assert reports(polls) == [[], ["job-0", "job-1", "job-2", "job-3", "job-4"], [], []]


def test_a_slow_series_after_a_burst_does_not_hide_the_next_one() -> None:
    """One failure every eight minutes isn't a burst; a second flood after it is reported."""
    flood, slow = [0.0, 1, 2, 3, 4], [480.0 * step for step in range(1, 12)]
    again = [6_000.0, 6_001, 6_002, 6_003, 6_004]
    found = reports([[one] for one in failures([*flood, *slow, *again])])
    assert len([ids for ids in found if ids]) == 2


def test_jobs_that_fail_again_do_not_hide_a_burst() -> None:
    """A job of a reported burst that fails again hours later is one of a new burst."""
    first, later = failures([0, 1, 2, 3, 4]), failures([9_000.0 + at for at in range(5)])
    assert len(reports([first, later])[1]) == 5
    assert reports([first, [replace(one, at=one.at + 60) for one in first]])[1] == []


def bursts_of(times: list[float]) -> list[list[int]]:
    """The bursts in a list of times, found in a slow and obvious way."""
    hot = {
        place
        for first in range(len(times) - 4)
        if times[first + 4] - times[first] <= 600
        for place in range(first, first + 5)
    }
    ordered, found = sorted(hot), list[list[int]]()
    for place in ordered:
        if found and times[place] - times[found[-1][-1]] <= 600:
            found[-1].append(place)
        else:
            found.append([place])
    return found


gaps = st.lists(st.sampled_from([1.0, 60.0, 149.0, 151.0, 400.0, 700.0]), max_size=40)


@example([1.0, 1.0, 1.0, 60.0, 149.0, 400.0, 400.0, 1.0, 1.0, 1.0])
@given(gaps)
def test_each_burst_is_reported_once_whatever_happened_before(gaps: list[float]) -> None:
    """Failures that appear in order are reported once for each burst, and others never."""
    times = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    found = [ids for ids in reports([[one] for one in failures(times)]) if ids]
    expected = bursts_of(times)
    assert len(found) == len(expected)
    assert all(f"job-{burst[0]}" in ids for burst, ids in zip(expected, found, strict=True))


@given(gaps, st.randoms(use_true_random=False), st.integers(1, 5))
def test_late_failures_count_and_are_reported_at_most_once(
    gaps: list[float], random: Any, size: int
) -> None:
    """In whatever order failures within three minutes appear, no job is reported twice, and a burst
    is reported.
    """
    times = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    late = sorted(failures(times), key=lambda one: one.at + random.uniform(0, 180))
    polls = [late[start : start + size] for start in range(0, len(late), size)]
    found = Counter(job_id for ids in reports(polls) for job_id in ids)
    assert all(count == 1 for count in found.values())
    assert all(any(f"job-{place}" in found for place in burst) for burst in bursts_of(times))


class StuckJobs(RuleBasedStateMachine):
    """Jobs that run, end, are deleted or appear late, while clocks change and workers die."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.progress = START, Progress()
        self.running: dict[str, float] = {}
        self.hidden: dict[str, float] = {}
        self.ended: set[str] = set()
        self.posted: Counter[str] = Counter()
        self.recovered: Counter[str] = Counter()
        self.slack: dict[int, tuple[str, ...]] = {}
        self.count = 0

    @rule(is_late=st.booleans())
    def start(self, is_late: bool) -> None:
        self.count += 1
        (self.hidden if is_late else self.running)[f"job-{self.count}"] = self.now

    @rule()
    def appear(self) -> None:
        self.running |= self.hidden
        self.hidden = {}

    @rule(seconds=st.sampled_from([60.0, 900.0, 1_801.0, -900.0, -4_000.0, 5_000.0]))
    def wait(self, seconds: float) -> None:
        """A negative number sets the clock back."""
        self.now += seconds

    @rule(number=st.integers(1, 12))
    def end(self, number: int) -> None:
        if self.running.pop(f"job-{number}", None) is not None:
            self.ended.add(f"job-{number}")

    @rule(dies=st.booleans())
    def poll(self, dies: bool) -> None:
        until = self.now - 1_800
        jobs = [RunningJob(one, at) for one, at in self.running.items() if at < until]
        after = after_running(self.progress, jobs, (0.0, until), self.now)
        if not dies:
            self.progress = after

    @rule(is_known=st.booleans(), dies=st.booleans())
    def look_up(self, is_known: bool, dies: bool) -> None:
        missing = [one.job_id for one in self.progress.running if one.missing and one.ts]
        if not missing:
            return
        running = [one for one in missing if one in self.running]
        ended = [one for one in missing if one in self.ended and is_known]
        unknown = set(missing) - {*running, *ended}
        for job_id in ended:  # saved before the progress, and repeated after a crash
            self.recovered[job_id] = 1
        if not dies:
            self.progress = after_lookup(self.progress, running, ended, unknown)

    @rule(dies=st.booleans())
    def post(self, dies: bool) -> None:
        """Slack has each message once, by its number, even if the worker dies after it."""
        for report in self.progress.reports:
            known = self.slack.setdefault(report.number, report.job_ids)
            assert known == report.job_ids
            if not dies:
                self.progress = self.progress.after_posting(report.number, f"{report.number}.0")

    @invariant()
    def each_job_is_posted_once(self) -> None:
        posted = Counter(one for ids in self.slack.values() for one in ids)
        assert all(count == 1 for count in posted.values())
        assert {*self.recovered} <= {*posted}

    def teardown(self) -> None:
        """In the end, each job that is stuck was posted, and the end of each posted job shown."""
        self.appear()
        self.now = max([self.now, START + 50_000, *self.running.values()]) + 1_801
        for _ in range(2):
            self.poll(dies=False)
            self.post(dies=False)
            self.look_up(is_known=True, dies=False)
        posted = {one for ids in self.slack.values() for one in ids}
        assert {*self.running} <= posted
        assert {*self.recovered} == posted & self.ended
        assert not self.progress.reports


TestStuckJobs = StuckJobs.TestCase
TestStuckJobs.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_page_that_is_not_complete_ends_no_older_job() -> None:
    """Jobs that are older than a full page of running jobs are not taken for ended."""
    old, new = RunningJob("old", START), RunningJob("new", START + 100)
    both = after_running(Progress(), [old, new], (0.0, START + 500), START + 500)
    after = after_running(both, [new], (START + 100, START + 600), START + 600)
    assert [job.missing for job in after.running] == [0, 0]
    whole = after_running(both, [new], (0.0, START + 600), START + 600)
    assert {job.job_id: job.missing for job in whole.running} == {"old": 1, "new": 0}


def test_an_unknown_message_is_not_posted_again() -> None:
    """A stuck job whose message may be missing in Slack is not reported again while it runs."""
    job, period = RunningJob("a", START), (0.0, START + 1)
    after = after_running(Progress(), [job], period, START + 1)
    unknown = after.after_posting(1, "")
    again = after_running(unknown, [job], period, START + 2)
    assert (again.reports, again.running) == ((), (job,))
    assert after.after_posting(1, "1.0").running[0].ts == "1.0"
    assert after.after_posting(2, "1.0") == after


def test_too_many_stuck_jobs_are_not_reported_twice() -> None:
    """With more stuck jobs than the app can remember, none is reported twice as others end."""
    jobs = [RunningJob(f"job-{number}", START + number) for number in range(800)]
    progress, posted, now = Progress(), Counter[str](), START + 1_000
    for place in (200, 400, 600, 800, 800, 400, 400, 200, 200, 200):
        page = jobs[place - 200 : place]  # the newest that still run
        for _ in range(2):
            begin = page[0].at if place > 200 else 0.0
            progress = after_running(progress, page, (begin, now), now)
            for report in progress.reports:
                posted.update(report.job_ids)
                progress = progress.after_posting(report.number, f"{report.number}.0")
    assert max(posted.values()) == 1
    assert len(progress.running) <= MAX_RUNNING_JOBS


def test_a_newly_stuck_job_is_remembered_before_those_that_ended() -> None:
    """Jobs that have ended, and were not looked up yet, don't make older ones reported again."""
    now, period = START + 500, (0.0, START + 500)
    ended = [RunningJob(f"ended-{number}", START + number) for number in range(1, 101)]
    progress = after_running(Progress(), ended, period, now)
    old = RunningJob("old", START)
    for _ in range(3):
        progress = after_running(progress, [old], period, now)
    assert [one.job_ids for one in progress.reports][1:] == [("old",)]


@dataclass
class Agents:
    """Emporix with one job each `interval`, except in a silence."""

    times: list[float]

    def answer(self, about: str, since: float, before: float) -> float | None:
        there = [at for at in self.times if since <= at < before]
        return (
            max(there, default=None) if about in ("newest", "latest") else min(there, default=None)
        )


ALWAYS = (0.0, START * 2)


def ask(
    agents: Agents, silence: Silence, now: float, hours: tuple[float, float] = ALWAYS
) -> tuple[Silence, str] | None:
    """Ask the next question about a silence of two hours, if one is due."""
    least = max(silence.latest_at, hours[0]) + 2 * HOUR
    compared = silence.compared_until if silence.compared_until <= now else 0.0
    until = max(least, compared + 1_800)
    weeks = [
        (silence.until - 2 * HOUR - back * 7 * DAY, silence.until - back * 7 * DAY)
        for back in range(1, 5)
    ]
    known = [one for one in weeks if silence.until and silence.first_at <= one[0]]
    due = until if until <= hours[1] else math.inf
    question = silence_question(silence, due, known, now)
    if question is None:
        return None
    job_at = agents.answer(question.about, *question.period)
    return after_answer(silence, question, job_at, known, now)


def watch(
    agents: Agents, silence: Silence, now: float, hours: tuple[float, float] = ALWAYS
) -> tuple[Silence, str]:
    """Ask everything that is due, until something is to be reported."""
    while asked := ask(agents, silence, now, hours):
        silence, outcome = asked
        if outcome:
            return silence, outcome
    return silence, ""


def regular(begin: float, end: float, interval: float = 1_800.0) -> list[float]:
    return [begin + interval * step for step in range(int((end - begin) / interval))]


def test_a_silence_is_reported_once_and_ends_with_the_next_job() -> None:
    """After two hours without a job, one report; the next job ends it, however late it appears."""
    agents = Agents(regular(START - 30 * DAY, START))
    silence, found = Silence(), []
    for step in range(200):
        if step == 150:
            agents.times.append(START + 100 * 300)  # visible late
        silence, outcome = watch(agents, silence, START + 300 * step)
        found += [(step, outcome)] if outcome else []
    assert [outcome for _, outcome in found] == ["begun", "ended", "begun"]
    assert found[0][0] == 19  # two hours and three minutes after the last job
    assert found[1][0] in {150, 151}


def test_new_tenants_are_not_compared() -> None:
    """Without two known weeks, a silence is not reported."""
    agents = Agents(regular(START - 13 * DAY, START))
    silence = Silence()
    for step in range(60):
        silence, outcome = watch(agents, silence, START + 300 * step)
        assert outcome == ""


def test_quiet_hours_of_the_week_are_not_reported() -> None:
    """If jobs did not usually run at this time, their absence is no silence."""
    times = [at for at in regular(START - 30 * DAY, START) if (at - START) % (7 * DAY) > DAY]
    silence, agents = Silence(), Agents([*times, START - 1])
    for step in range(60):
        silence, outcome = watch(agents, silence, START + 300 * step)
        assert outcome == ""


def test_only_the_hours_of_the_condition_count() -> None:
    """A silence counts from the start of the hours, and must fit into them."""
    agents = Agents(regular(START - 30 * DAY, START))
    for hours, expected in (
        ((START + HOUR, START + 2.9 * HOUR), ""),
        ((START + 6 * HOUR, START + 14 * HOUR), ""),
        ((START + HOUR, START + 9 * HOUR), "begun"),
    ):
        silence, outcomes = Silence(), set[str]()
        for step in range(60):
            silence, outcome = watch(agents, silence, START + 300 * step, hours)
            outcomes |= {outcome} - {""}
        assert outcomes == ({expected} - {""})


def test_a_slow_comparison_is_reported_in_the_end() -> None:
    """If other alerts use most queries, a silence is reported late, but it is reported."""
    agents, silence, found = Agents(regular(START - 30 * DAY, START)), Silence(), []
    for step in range(120):  # one answer every 20 minutes
        if asked := ask(agents, silence, START - DAY + 1_200.0 * step):
            silence, outcome = asked
            found += [outcome] if outcome else []
    assert found == ["begun"]


@given(st.lists(st.sampled_from([60.0, 900.0, 7_100.0, 7_300.0, 20_000.0]), max_size=30), st.data())
def test_each_silence_is_reported_once_despite_outages(gaps: list[float], data: Any) -> None:
    """Whenever the app is down for less than a day, each silence is reported once, maybe late."""
    times = [START + sum(gaps[: place + 1]) for place in range(len(gaps))]
    agents = Agents(regular(START - 60 * DAY, START, 600.0))
    silence, _ = watch(agents, Silence(), START)
    agents.times += times
    now, found = START, list[tuple[str, float]]()
    waits = st.sampled_from([300.0, 7_000.0, 40_000.0, 80_000.0])
    while now < START + sum(gaps) + DAY / 4:
        now += data.draw(waits)
        for _ in range(40):  # at most 20 silences; a reported one ends with a later question
            now += 300
            seen = Agents([at for at in agents.times if at <= now])
            silence, outcome = watch(seen, silence, now)
            found += [(outcome, silence.latest_at)] if outcome else []
    begins = [
        before for before, after in pairwise([START - 600, *times]) if after - before >= 7_200
    ]
    begun = [since for outcome, since in found if outcome == "begun"]
    assert [at for at in begun if at in begins] == begins
    assert len(begun) - len(begins) <= 1  # the last one, which has not ended
    assert "skipped" not in {outcome for outcome, _ in found}


def test_after_a_longer_outage_a_message_says_what_was_not_compared() -> None:
    """After more than a day, silences are looked for from then on, and the gap is reported once."""
    agents = Agents(regular(START - 30 * DAY, START))
    silence, outcome = watch(agents, Silence(), START)
    now, outcomes = START + 3 * DAY, []
    agents.times += regular(now - DAY, now + 10)
    for step in range(80):
        silence, outcome = watch(agents, silence, now + 300 * step)
        outcomes += [outcome] if outcome else []
    assert outcomes == ["skipped", "begun"]


def test_deleted_jobs_are_no_silence() -> None:
    """If the latest jobs were deleted, they have run nevertheless."""
    agents = Agents(regular(START - 30 * DAY, START + HOUR))
    silence, outcome = watch(agents, Silence(), START + HOUR)
    agents.times = [at for at in agents.times if at < START - DAY]
    for step in range(15):
        silence, outcome = watch(agents, silence, START + HOUR + 300 * step)
        assert outcome == ""


@given(st.lists(st.sampled_from([300.0, 900.0, -7_200.0, -90_000.0, 90_000.0]), max_size=30))
def test_a_changed_clock_reports_no_silence_twice(steps: list[float]) -> None:
    """Whatever the clock does, two reports have an end between them, and the next query is due."""
    agents, silence, now, found = Agents(regular(START - 60 * DAY, START)), Silence(), START, []
    for step in steps:
        now += step
        silence, outcome = watch(agents, silence, now)
        found += [outcome] if outcome else []
        assert ask(agents, silence, max(now, START) + 3 * HOUR) is not None
    reported = [outcome for outcome in found if outcome != "skipped"]
    assert all(one != other for one, other in pairwise(reported))


@given(st.lists(st.booleans(), max_size=4))
def test_jobs_are_usual_in_most_of_two_or_more_weeks(weeks: list[bool]) -> None:
    """At least two weeks, and more than half of the known ones, had jobs."""
    assert is_usual(weeks) == (sum(weeks) >= 2 and sum(weeks) > len(weeks) / 2)


def test_a_recovery_lasts_until_the_agent_fails_again() -> None:
    """Only a later failure removes a recovery, so a late one does not."""
    recovery = Recovery("agent", "fraud", "Fraud Check", START, START)
    again = add_recoveries([recovery], [replace(recovery, at=START + 5)])
    assert again == (recovery,)
    for failed_at, left in ((START - 1, (recovery,)), (START, (recovery,)), (START + 1, ())):
        assert without_failed(again, [FailedAgent("fraud", "Fraud Check", failed_at)]) == left
    assert without_failed(again, [FailedAgent("other", "Other", START + 9)]) == (recovery,)
