"""Groups similar failures: the same agent and nearly the same message, apart from ids."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.jobs import Job

COMPARED_LENGTH = 500
"""Letters of a message that are compared: what went wrong stands at its beginning."""

MIN_SIMILARITY = 0.6
"""Of all words of two messages, so many must be in both."""

_VARIES = re.compile(r"\S*\d\S*|https?://\S+|\S+@\S+|\b[0-9a-f]{12,}\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = 4  # of a digest: there are 2^24 different ones


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that failed alike, newest first."""

    jobs: tuple[Job, ...]

    @property
    def count(self) -> int:
        return len(self.jobs)


def significant_words(job: Job) -> frozenset[str]:
    """What a message says, without what differs from job to job."""
    text = (job.response or job.message)[:COMPARED_LENGTH]
    return frozenset(_WORD.findall(_VARIES.sub(" ", text).casefold()))


def are_similar(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two messages say nearly the same."""
    both = len(one | other)
    return not both or len(one & other) / both >= MIN_SIMILARITY


def fingerprint(job: Job) -> str:
    """A job's agent and words as digests: what can be compared later, and says nothing."""
    return "".join([_digest(job.agent_id), *sorted(map(_digest, significant_words(job)))])


def are_similar_fingerprints(one: str, other: str) -> bool:
    """Whether the jobs of two fingerprints are alike."""
    agent = slice(0, _LETTERS)
    return one[agent] == other[agent] and are_similar(_words_of(one), _words_of(other))


def group_failures(jobs: Iterable[Job]) -> tuple[FailureGroup, ...]:
    """Failures by agent and likeness of message, worst first: the most, then the newest.

    `jobs` come newest first.
    """
    found: list[tuple[str, frozenset[str], list[Job]]] = []
    for job in jobs:
        said = significant_words(job)
        for agent, others, members in found:
            if agent == job.agent_id and are_similar(said, others):
                members.append(job)
                break
        else:
            found.append((job.agent_id, said, [job]))
    by_size: Sequence[list[Job]] = sorted((jobs for _, _, jobs in found), key=len, reverse=True)
    return tuple(FailureGroup(tuple(members)) for members in by_size)


def job_excerpt(job: Job) -> Job:
    """As much of a job as a row shows: a hundred whole ones could be large."""
    return replace(
        job,
        message=job.message[: 2 * COMPARED_LENGTH],
        response=job.response[: 2 * COMPARED_LENGTH],
        import_result=None,
        export_result=None,
        extra={},
    )


def _words_of(fingerprint: str) -> frozenset[str]:
    starts = range(_LETTERS, len(fingerprint), _LETTERS)
    return frozenset(fingerprint[start : start + _LETTERS] for start in starts)


def _digest(word: str) -> str:
    hashed = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=3).digest()
    return urlsafe_b64encode(hashed).decode()
