"""Failures that are alike, together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.emporix.models import Job
from bot.services.likeness import READ, alike, words


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs that failed alike, newest first."""

    jobs: tuple[Job, ...]

    @property
    def count(self) -> int:
        return len(self.jobs)


def groups(jobs: Iterable[Job]) -> tuple[Group, ...]:
    """Failures by agent and likeness of message, worst first: the most, then the newest.

    `jobs` come newest first.
    """
    found: list[tuple[str, frozenset[str], list[Job]]] = []
    for job in jobs:
        said = words(job)
        for agent, others, members in found:
            if agent == job.agent_id and alike(said, others):
                members.append(job)
                break
        else:
            found.append((job.agent_id, said, [job]))
    by_size: Sequence[list[Job]] = sorted((jobs for _, _, jobs in found), key=len, reverse=True)
    return tuple(Group(tuple(members)) for members in by_size)


def beginning(job: Job) -> Job:
    """As much of a job as a row shows: a hundred whole ones could be large."""
    return replace(
        job,
        message=job.message[: 2 * READ],
        response=job.response[: 2 * READ],
        import_result=None,
        export_result=None,
        extra={},
    )
