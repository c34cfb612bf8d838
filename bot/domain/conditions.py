"""Conditions of alerts: stuck jobs, bursts of failures and silence, and what was found so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from bot.domain.records import StoredRecord
from bot.domain.times import DAY_SECONDS

WATERMARK_OVERLAP_SECONDS = 180.0
"""A change that becomes visible in Emporix later than this after it happened may be missed."""


@dataclass(frozen=True, slots=True)
class Watermark(StoredRecord):
    """The position up to which changes have been read.

    `reached` is the time of the latest change seen, in seconds since 1970. `seen` contains the jobs
    that changed within the overlap before that time, each with the time of the change and a hash of
    the job's state. Changes before `floor` are ignored because there were too many to remember.
    """

    reached: float
    floor: float = 0.0
    seen: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def begin(self) -> float:
        """The start time for reading changes in the next poll, rounded to the millisecond."""
        return max(round(self.reached - WATERMARK_OVERLAP_SECONDS, 3), self.floor)


@dataclass(frozen=True, slots=True)
class JobChange(StoredRecord):
    """A job to report; `fingerprint` is similar for failures with the same cause.

    `fingerprint` is "" if the job didn't fail. `agent` is the name of its agent, or else its id.
    `at` is the time of the change in Emporix, 0 if unknown.
    """

    job_id: str
    fingerprint: str = ""
    agent: str = ""
    agent_id: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Condition(StoredRecord):
    """What an alert reports instead of each change; without values, it reports each change.

    Either jobs that have been running for more than `stuck` seconds, or bursts of `at_least`
    changes within `within` seconds, or `silent` seconds without a job. A silence counts only
    between `begin` and `end` (minutes after midnight in `zone`, the whole day if they are equal).
    """

    stuck: float = 0.0
    at_least: int = 0
    within: float = 0.0
    silent: float = 0.0
    begin: int = 0
    end: int = 0
    zone: str = "UTC"

    @property
    def kind(self) -> Literal["", "stuck", "burst", "silent"]:
        if self.stuck:
            return "stuck"
        if self.at_least:
            return "burst"
        return "silent" if self.silent else ""


NO_CONDITION = Condition()

UNREADABLE = Watermark(0.0, floor=253_370_764_800.0)
"""The watermark of an alert with a condition: changes from the year 9999 on.

0.2.0 doesn't know conditions. With this watermark, its workers find nothing to report.
"""

MAX_RECENT_CHANGES = 200


@dataclass(frozen=True, slots=True)
class RecentChange(StoredRecord):
    """A change that may belong to a burst; `is_reported` if its burst was reported."""

    change: JobChange
    is_reported: bool = False


def add_to_bursts(
    recent: Sequence[RecentChange], changes: Iterable[JobChange], condition: Condition
) -> tuple[tuple[RecentChange, ...], tuple[JobChange, ...]]:
    """The changes to remember, and those of new bursts, oldest first.

    Each change of a burst is one of at least `at_least` within `within` seconds, and at most that
    long after the previous one. Emporix's times are compared, so late changes count, too.
    """
    by_id = {one.change.job_id: one for one in recent}
    for change in changes:
        known = by_id.get(change.job_id, RecentChange(change))
        is_same = change.at - known.change.at <= condition.within  # else it failed again
        by_id[change.job_id] = RecentChange(change, known.is_reported and is_same)
    ordered = sorted(by_id.values(), key=lambda one: (one.change.at, one.change.job_id))
    reported = list[JobChange]()
    for burst in _bursts(ordered, condition):
        if not any(ordered[place].is_reported for place in burst):
            reported += (ordered[place].change for place in burst)
        for place in burst:
            ordered[place] = replace(ordered[place], is_reported=True)
    lasts = 2 * condition.within + WATERMARK_OVERLAP_SECONDS  # a new burst, and the last one
    kept = [one for one in ordered if one.change.at >= ordered[-1].change.at - lasts]
    return tuple(kept[-MAX_RECENT_CHANGES:]), tuple(reported)


def _bursts(ordered: Sequence[RecentChange], condition: Condition) -> list[list[int]]:
    """The places of the changes in each burst; reported changes stay in theirs."""
    places = {place for place, one in enumerate(ordered) if one.is_reported}
    for last in range(condition.at_least - 1, len(ordered)):
        first = last - condition.at_least + 1
        if ordered[last].change.at - ordered[first].change.at <= condition.within:
            places.update(range(first, last + 1))
    sorted_places = sorted(places)
    bursts = [sorted_places[:1]] if sorted_places else []
    for before, place in pairwise(sorted_places):
        if ordered[place].change.at - ordered[before].change.at > condition.within:
            bursts.append([])
        bursts[-1].append(place)
    return bursts


Period = tuple[float, float]
"""A start and an end, in seconds since 1970; the end is not included."""

MAX_RUNNING_JOBS = 200


@dataclass(frozen=True, slots=True)
class RunningJob(StoredRecord):
    """A job that report `number` shows as stuck, in the message `ts` once that is known.

    `number` is 0 if Slack didn't confirm the message. `at` is when the job was created. `missing`
    is set if it is no longer among the running jobs: 1, or 2 if a query by id didn't return it.
    """

    job_id: str
    at: float
    agent: str = ""
    number: int = 0
    ts: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Silence(StoredRecord):
    """What is known about the jobs of an alert that reports silences. Times are in seconds.

    `first_at` and `latest_at` are when the first and the latest job were created, 0 if there was
    none. Emporix is asked again at `ask_at`. While a silence is compared with earlier weeks, it
    ended at `until` (else 0), and `weeks` says whether there were jobs 1, 2, … weeks before. Jobs
    are not usual until `compared_until`. `reported_at` is when a silence was reported, 0 if there
    is none, in the message `ts`.
    """

    first_at: float = 0.0
    latest_at: float = 0.0
    ask_at: float = 0.0
    until: float = 0.0
    weeks: tuple[bool, ...] = ()
    reported_at: float = 0.0
    ts: str = ""
    compared_until: float = 0.0


@dataclass(frozen=True, slots=True)
class ConditionReport(StoredRecord):
    """A message to post about a condition: stuck jobs, or a silence since `since`.

    In `weeks` of the `known` weeks before, there were jobs at this time. Without known weeks, it
    says that no silence was looked for from `since` to `at`. `unread` is the number of
    older jobs that were not read because there are too many, None if it is unknown.
    """

    number: int
    at: float
    job_ids: tuple[str, ...] = ()
    since: float = 0.0
    weeks: int = 0
    known: int = 0
    unread: int | None = 0


@dataclass(frozen=True, slots=True)
class Progress(StoredRecord):
    """What an alert with a condition has found, and the `reports` to post.

    `number` counts its reports. `asked_at` is the time of the last query for stuck jobs (new ones
    until `floor` are ignored: there were too many to remember), `looked_up_at` that of the last
    lookup of jobs that may have ended, and `recovery_asked_at` that for recovered agents, also of
    an alert without a condition. `is_cut`: a common query didn't read all; the alert has its own.
    """

    watermark: Watermark = UNREADABLE
    recent: tuple[RecentChange, ...] = ()
    running: tuple[RunningJob, ...] = ()
    silence: Silence = Silence()
    reports: tuple[ConditionReport, ...] = ()
    number: int = 0
    asked_at: float = 0.0
    recovery_asked_at: float = 0.0
    looked_up_at: float = 0.0
    floor: float = 0.0
    is_cut: bool = False

    def with_report(self, report: ConditionReport) -> Progress:
        return replace(self, number=report.number, reports=(*self.reports, report))

    def without_ended(self, number: int, ended: Set[str]) -> Progress:
        """The progress without jobs of a report that ended before it was posted."""
        reports = [
            replace(one, job_ids=tuple(job for job in one.job_ids if job not in ended))
            if one.number == number
            else one
            for one in self.reports
        ]
        left = [one for one in self.running if one.number != number or one.job_id not in ended]
        kept = tuple(one for one in reports if one.number != number or one.job_ids)
        return replace(self, reports=kept, running=tuple(left))

    def after_posting(self, number: int, ts: str) -> Progress:
        """The progress after a report was posted in the message `ts`; "" if that is unknown."""
        if all(report.number != number for report in self.reports):
            return self
        left, kept = self.running, number if ts else 0
        running = (replace(a, ts=ts, number=kept) if a.number == number else a for a in left)
        is_silence = any(one.known for one in self.reports if one.number == number)
        return replace(
            self,
            reports=tuple(one for one in self.reports if one.number != number),
            running=tuple(running),
            silence=replace(self.silence, ts=ts) if is_silence else self.silence,
        )


def after_running(
    progress: Progress,
    jobs: Sequence[RunningJob],
    period: Period,
    now: float,
    unread: int | None = 0,
) -> Progress:
    """Report the jobs that are new among the stuck ones: all that were created in a period.

    Jobs of this period that are missing may have ended. `unread` is the number of older jobs.
    """
    there, known = {job.job_id for job in jobs}, {job.job_id for job in progress.running}
    tracked = [
        replace(one, missing=0)
        if one.job_id in there
        else replace(one, missing=max(1, one.missing))
        if period[0] < one.at < period[1]
        else one
        for one in progress.running
    ]
    after = replace(progress, running=tuple(tracked), asked_at=now, is_cut=unread != 0)
    new = (job for job in jobs if job.job_id not in known)
    if not (news := [job for job in new if job.at > progress.floor]):
        return after
    number = progress.number + 1
    running = tracked + [replace(job, number=number) for job in news]
    running.sort(key=lambda job: (not job.missing, job.at))
    forgotten = (job.at for job in running[:-MAX_RUNNING_JOBS] if not job.missing)
    floor, kept = max([progress.floor, *forgotten]), tuple(running[-MAX_RUNNING_JOBS:])
    report = ConditionReport(number, now, tuple(job.job_id for job in news), unread=unread)
    return replace(after, running=kept, floor=floor).with_report(report)


def after_lookup(
    progress: Progress, running: Iterable[str], ended: Iterable[str], unknown: Iterable[str]
) -> Progress:
    """The progress after missing jobs were looked up by id; `ended` includes deleted ones."""
    gone, missing = set(ended), dict.fromkeys(unknown, 2) | dict.fromkeys(running, 0)
    left = (one for one in progress.running if one.job_id not in gone)
    tracked = (replace(one, missing=missing.get(one.job_id, one.missing)) for one in left)
    return replace(progress, running=tuple(tracked))


COMPARED_WEEKS, MIN_KNOWN_WEEKS = 4, 2
SILENCE_GRACE_SECONDS = WATERMARK_OVERLAP_SECONDS
"""A job may become visible this long after it was created."""

MAX_SILENCE_WAIT_SECONDS = 60 * 60.0
"""The longest time until the next query, in case the clock is set back."""

ENDED_SILENCE_INTERVAL_SECONDS = 5 * 60.0
UNUSUAL_SILENCE_SECONDS = 30 * 60.0
"""After this long, a silence is compared again: other hours may usually have jobs."""

MAX_SILENCE_DELAY_SECONDS = DAY_SECONDS
"""Silences that ended earlier are not compared any more; a message says so."""


@dataclass(frozen=True, slots=True)
class SilenceQuestion:
    """The job to ask Emporix for: the first or the latest one that was created in a period.

    "newest" is the latest job of all, and "latest" that of a period that may be a silence.
    """

    about: Literal["first", "newest", "latest", "next", "week"]
    period: Period


def silence_question(
    silence: Silence, until: float, weeks: Sequence[Period], now: float
) -> SilenceQuestion | None:
    """What to ask now, if anything.

    `until` is when the next silence to compare would end, and `weeks` are the known periods to
    compare it with.
    """
    if now < silence.ask_at <= now + MAX_SILENCE_WAIT_SECONDS:
        return None
    if not silence.first_at:
        return SilenceQuestion("first", (0.0, now))
    if silence.reported_at:
        return SilenceQuestion("next", (silence.latest_at + 0.001, now))
    if not silence.latest_at or until < now - MAX_SILENCE_DELAY_SECONDS:
        return SilenceQuestion("newest", (0.0, now))
    if silence.until and len(silence.weeks) < len(weeks):
        return SilenceQuestion("week", weeks[len(silence.weeks)])
    is_due = now >= until + SILENCE_GRACE_SECONDS
    return SilenceQuestion("latest", (silence.latest_at + 0.001, until)) if is_due else None


SilenceOutcome = Literal["", "begun", "ended", "skipped"]


def after_answer(
    silence: Silence,
    question: SilenceQuestion,
    job_at: float | None,
    weeks: Sequence[Period],
    now: float,
) -> tuple[Silence, SilenceOutcome]:
    """The silence after an answer, and whether it is to be reported, has ended, or was skipped.

    `job_at` is when the job was created, None if there is none.
    """
    after, found = replace(silence, ask_at=now), job_at or 0.0
    reset = replace(after, until=0.0, weeks=(), compared_until=0.0)
    match question.about:
        case "week":
            return replace(after, weeks=(*silence.weeks, job_at is not None)), ""
        case "first":
            ask_at = now if found else now + MAX_SILENCE_WAIT_SECONDS
            return replace(after, first_at=found, ask_at=ask_at), ""
        case "newest":
            latest = max(silence.first_at, silence.latest_at, found)
            begin = now - UNUSUAL_SILENCE_SECONDS  # silences are compared from now on
            begun = replace(reset, latest_at=latest, compared_until=begin)
            return begun, "skipped" if silence.latest_at and is_known(silence, now) else ""
        case "next" if not found:
            return replace(after, ask_at=now + ENDED_SILENCE_INTERVAL_SECONDS), ""
        case "next":
            return replace(reset, latest_at=found, reported_at=0.0, ts=""), "ended"
    # The latest job that is known may have been deleted; it ran nevertheless.
    if found > silence.latest_at:
        return replace(reset, latest_at=found), ""
    return _after_silence(silence, question.period[1], len(weeks), now)


def _after_silence(
    silence: Silence, until: float, weeks: int, now: float
) -> tuple[Silence, SilenceOutcome]:
    """There was no job until `until`, so the earlier weeks are to be compared, or have been."""
    if silence.until != until:
        return replace(silence, until=until, weeks=(), ask_at=now), ""
    if len(silence.weeks) < weeks:
        return replace(silence, ask_at=now), ""
    if is_usual(silence.weeks):
        ask_at = now + ENDED_SILENCE_INTERVAL_SECONDS
        return replace(silence, reported_at=now, ask_at=ask_at), "begun"
    return replace(silence, until=0.0, weeks=(), compared_until=until, ask_at=now), ""


def is_known(silence: Silence, at: float) -> bool:
    """Whether two weeks before a time are known, so that a silence can be reported."""
    return 0.0 < silence.first_at <= at - MIN_KNOWN_WEEKS * 7 * DAY_SECONDS


def is_usual(weeks: Sequence[bool]) -> bool:
    """Whether jobs normally run at a time: in two or more of the known weeks, and in most."""
    return sum(weeks) >= MIN_KNOWN_WEEKS and 2 * sum(weeks) > len(weeks)
