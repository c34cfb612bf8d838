"""Failures that are alike: of one agent, in nearly the same words, whatever ids stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.emporix.models import Job

READ = 500
"""Letters of a message that are compared: what went wrong stands at its beginning."""

ALIKE = 0.6
"""Of all words of two messages, so many must be in both."""

_VARIES = re.compile(r"\S*\d\S*|https?://\S+|\S+@\S+")
_WORD = re.compile(r"[^\W\d_]+")


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
        words = _words(job)
        for agent, others, members in found:
            if agent == job.agent_id and _alike(words, others):
                members.append(job)
                break
        else:
            found.append((job.agent_id, words, [job]))
    by_size: Sequence[list[Job]] = sorted((jobs for _, _, jobs in found), key=len, reverse=True)
    return tuple(Group(tuple(members)) for members in by_size)


def _words(job: Job) -> frozenset[str]:
    """What a message says, without what differs from job to job."""
    text = (job.response or job.message)[:READ]
    return frozenset(_WORD.findall(_VARIES.sub(" ", text).casefold()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    both = len(one | other)
    return not both or len(one & other) / both >= ALIKE
