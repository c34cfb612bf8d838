"""Simulates running agents: jobs end and new ones start, slowly and reproducibly.

There is no background task: each request for jobs first applies the changes that are due. A period
without requests, such as a day that the clock skipped, gets as many jobs as an average day.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from sandbox.emporix.sample_data.jobs import MONTH, Fields, ended, happened, started
from sandbox.emporix.tenant import Collection
from sandbox.emporix.times import Clock, iso

RUN_SECONDS = (12.0, 45.0)  # seconds, minimum and maximum
SLOW_SECONDS, SLOW_EVERY = (180.0, 360.0), 6
"""Every sixth job that starts runs for this long, so that alerts for stuck jobs have content."""

PAUSE_SECONDS = (15.0, 40.0)  # between the starts of two jobs
WATCHED_SECONDS = 600.0
"""Seconds. Changes that were due earlier belong to a period without requests."""

QUIET_AGENT = "order-status-agent"
"""No job of this agent starts, so that alerts for silence have content."""

RUNNING = "in_progress"

Event = tuple[float, int, str]
"""The time, a unique number, and the id of the job that ends; "" if a job starts.
"""


class Simulation:
    """The future of one tenant's jobs. An agent that was disabled meanwhile starts no jobs."""

    def __init__(
        self,
        jobs: Collection,
        clock: Clock,
        seed: str,
        *,
        is_enabled: Callable[[str], bool] = lambda agent_id: True,
    ) -> None:
        self._jobs, self._clock, self._rng = jobs, clock, Random(f"life of {seed}")
        self._is_enabled = is_enabled
        self._usual_seconds = MONTH / len(jobs)
        self._numbers, self._begun = count(), 0
        self._events = list(self._first())
        heapq.heapify(self._events)

    def catch_up(self) -> None:
        """Apply all changes that are due. New jobs are created for at most one month."""
        now = self._clock()
        while self._events[0][0] <= now:
            at, _, job_id = heapq.heappop(self._events)
            if job_id:
                self._end(job_id, at)
            elif now - at > WATCHED_SECONDS:
                self._happen(max(at, now - MONTH), now)
            else:
                self._begin(at)

    def end_soon(self, job_id: str) -> None:
        """Let a running job end, as those do that the simulation starts."""
        at = self._clock() + self._rng.uniform(*RUN_SECONDS)
        heapq.heappush(self._events, self._event(at, job_id))

    def _first(self) -> Iterator[Event]:
        now = self._clock()
        for job in self._jobs.sorted((("id", False),)):
            if job.get("status") == RUNNING:
                yield self._event(now + self._rng.uniform(*RUN_SECONDS), job["id"])
        yield self._event(now + self._rng.uniform(*PAUSE_SECONDS))

    def _begin(self, at: float) -> None:
        job = self._of_other_agents(started)
        self._put(job, at, at)
        self._begun += 1
        runs = RUN_SECONDS if self._begun % SLOW_EVERY else SLOW_SECONDS
        heapq.heappush(self._events, self._event(at + self._rng.uniform(*runs), job["id"]))
        heapq.heappush(self._events, self._event(at + self._rng.uniform(*PAUSE_SECONDS)))

    def _happen(self, at: float, now: float) -> None:
        """Create a job that started at `at` and has ended since."""
        job = self._of_other_agents(happened)
        self._put(job, at, at + self._rng.uniform(*RUN_SECONDS))
        coming = at + self._usual_seconds * self._rng.uniform(0.5, 1.5)
        if coming > now:
            coming = now + self._rng.uniform(*PAUSE_SECONDS)
        heapq.heappush(self._events, self._event(coming))

    def _of_other_agents(self, create: Callable[[Random], Fields]) -> Fields:
        while (job := create(self._rng)).get("agentId") == QUIET_AGENT:
            pass
        return job

    def _put(self, job: Fields, created: float, modified: float) -> None:
        if not self._is_enabled(job.get("agentId") or ""):
            return
        job = job | {"metadata": _metadata(1, created, modified)}
        self._jobs.put({name: value for name, value in job.items() if value is not None})

    def _end(self, job_id: str, at: float) -> None:
        """End a job, unless it was deleted."""
        outcome = ended(self._rng)
        if (job := self._jobs.get(job_id)) is not None:
            metadata = job["metadata"] | {"version": 2, "modifiedAt": iso(at)}
            if "message" in job:  # what was sent to the agent: the outcome is its response
                outcome["response"] = outcome.pop("message")
            self._jobs.put({**job, **outcome, "metadata": metadata})

    def _event(self, at: float, job_id: str = "") -> Event:
        return at, next(self._numbers), job_id


def _metadata(version: int, created: float, modified: float) -> Fields:
    return {"version": version, "createdAt": iso(created), "modifiedAt": iso(modified)}
