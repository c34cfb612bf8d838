"""Groups similar failures: same agent, and nearly the same message apart from ids."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.jobs import Job

COMPARED_LENGTH = 500
"""Characters of a message that are compared; messages begin with the cause."""

MIN_SIMILARITY = 0.6
"""The share of the words of two messages that must occur in both."""

_VARIES = re.compile(r"\S*\d\S*|https?://\S+|\S+@\S+|\b[0-9a-f]{12,}\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = 4  # of a hash, which has 24 bits


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Similar failures, newest first."""

    jobs: tuple[Job, ...]

    @property
    def count(self) -> int:
        return len(self.jobs)


def significant_words(job: Job) -> frozenset[str]:
    """The words of a job's message, without ids, numbers and addresses."""
    text = (job.response or job.message)[:COMPARED_LENGTH]
    return frozenset(_WORD.findall(_VARIES.sub(" ", text).casefold()))


def are_similar(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two messages have nearly the same words."""
    both = len(one | other)
    return not both or len(one & other) / both >= MIN_SIMILARITY


def fingerprint(job: Job) -> str:
    """Hashes of a job's agent and words: they can be compared, but do not reveal the text."""
    return "".join([_digest(job.agent_id), *sorted(map(_digest, significant_words(job)))])


def are_similar_fingerprints(one: str, other: str) -> bool:
    """Whether two fingerprints belong to similar failures."""
    agent = slice(0, _LETTERS)
    return one[agent] == other[agent] and are_similar(_words_of(one), _words_of(other))


def group_failures(jobs: Iterable[Job]) -> tuple[FailureGroup, ...]:
    """Group similar failures of the same agent, largest groups first, then newest.

    `jobs` are sorted newest first.
    """
    found: list[tuple[str, frozenset[str], list[Job]]] = []
    for job in jobs:
        words = significant_words(job)
        for agent, others, members in found:
            if agent == job.agent_id and are_similar(words, others):
                members.append(job)
                break
        else:
            found.append((job.agent_id, words, [job]))
    by_size: Sequence[list[Job]] = sorted((jobs for _, _, jobs in found), key=len, reverse=True)
    return tuple(FailureGroup(tuple(members)) for members in by_size)


def job_excerpt(job: Job) -> Job:
    """Keep only what a row shows, to save memory."""
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
