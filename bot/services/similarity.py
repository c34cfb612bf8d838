"""Groups failures by cause: nearly the same message, whatever the agent, id, number or amount.

Also finds the known words that are similar to a mistyped one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.domain.jobs import AgentCount, Job

COMPARED_LENGTH = 500
"""How many characters of a message are compared; the cause is at its beginning."""

MIN_SIMILARITY, MIN_SIMILARITY_OF_OTHER_ENDING = 0.6, 0.75
"""The share of words that two messages must have in common.

It is higher if they end differently. In "Payment failed: card expired", the last word is the
cause; in "Order of Ms Okafor not found", the words in the middle are not.
"""

# From the start of a word only, as the time would grow with the square of its length.
_VARIES = re.compile(
    r"(?<!\S)\S*\d\S*|https?://\S+|(?<!\S)\S+@\S+|\b[0-9a-f]{12,}\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(
    r"\b[^\W\d_]+(?:_[^\W\d_]+)+\b"  # get_invoice, ORDER_NOT_FOUND
    r"|\b[A-Z][^\W\d_]*[a-z](?:Error|Exception)\b"  # ToolExecutionException
    r"|(?i:\b(?:http|status)(?:[ _]?code)?\W{0,3}[1-5]\d\d\b)"  # HTTP 404, status code: 503
)
_PUNCTUATION = ".,;:!?()[]{}<>\"'`“”„«»"
_HASH_LENGTH = 4  # characters of a word's hash, which has 2^24 possible values
_JSON_START = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure's message without the words that differ from job to job.

    `codes` are names of tools, errors and HTTP statuses. `words` are the words of the message, and
    `ending` is the last of them. Causes can also be compared after their words were hashed.
    """

    codes: frozenset[str]
    words: frozenset[str]
    ending: str

    def is_like(self, other: Cause) -> bool:
        enough = MIN_SIMILARITY if self.ending == other.ending else MIN_SIMILARITY_OF_OTHER_ENDING
        return (
            _overlap(self.codes, other.codes) >= MIN_SIMILARITY
            and _overlap(self.words, other.words) >= enough
        )


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that failed for the same cause; `count` is their number.

    `jobs` has some of them, newest first, and `job_ids` has the ids of all. `agents` has their
    agents with the number of jobs, most jobs first. `message` is the newest job's message, with "…"
    for ids and numbers that differ from job to job.
    """

    count: int
    jobs: tuple[Job, ...]
    job_ids: tuple[str, ...]
    agents: tuple[AgentCount, ...]
    message: str


def cause_of(job: Job) -> Cause:
    """The cause in a job's message, or the job's agent if the message has no words."""
    text = (job.response or job.message)[:COMPARED_LENGTH]
    codes = frozenset(" ".join(_WORD_OR_NUMBER.findall(code.casefold())) for code in _codes(text))
    words = _WORD.findall(_VARIES.sub(" ", text).casefold())
    words = words or [f"agent:{job.agent_id}"]
    return Cause(codes, frozenset(words), words[-1])


def fingerprint(job: Job) -> str:
    """The hashed cause of a job, which can be compared later but not read."""
    cause = cause_of(job)
    parts = (
        [_hash(cause.ending)],
        sorted(map(_hash, cause.codes)),
        sorted(map(_hash, cause.words)),
    )
    return ".".join("".join(hashes) for hashes in parts)


def are_similar_fingerprints(one: str, other: str) -> bool:
    """Whether the jobs of two fingerprints failed for the same cause."""
    return _hashed_cause(one).is_like(_hashed_cause(other))


def group_failures(jobs: Iterable[Job]) -> tuple[FailureGroup, ...]:
    """Group failures by cause: groups with the most jobs first, then the newest.

    `jobs` are sorted newest first.
    """
    found: list[tuple[Cause, list[Job]]] = []
    for job in jobs:
        cause = cause_of(job)
        for known, members in found:
            if cause.is_like(known):
                members.append(job)
                break
        else:
            found.append((cause, [job]))
    by_size = sorted((members for _, members in found), key=len, reverse=True)
    return tuple(map(_group, by_size))


def agent_label(job: Job) -> str:
    """The agent's name in messages that count jobs by agent; imports and exports have no agent.

    Returns "" for other jobs without an agent.
    """
    transfer = {"IMPORT": "Import", "EXPORT": "Export"}.get(job.type, "")
    return (job.agent_name or job.agent_id or transfer)[:60]


def job_excerpt(job: Job) -> Job:
    """The part of a job that a row shows, because a hundred complete jobs could be large."""
    return replace(
        job,
        message=job.message[: 2 * COMPARED_LENGTH],
        response=job.response[: 2 * COMPARED_LENGTH],
        import_result=None,
        export_result=None,
        extra={},
    )


_WORD_OR_NUMBER = re.compile(r"[^\W_]+")


def _codes(text: str) -> Iterable[str]:
    return (found[0] for found in _CODE.finditer(text))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    together = len(one | other)
    return len(one & other) / together if together else 1.0


def agent_counts(jobs_by_agent: Counter[str]) -> tuple[AgentCount, ...]:
    """The agents with the number of their jobs, most jobs first."""
    return tuple(AgentCount(name, count) for name, count in jobs_by_agent.most_common())


def _group(jobs: Sequence[Job]) -> FailureGroup:
    agents = agent_counts(Counter(map(agent_label, jobs)))
    ids = tuple(job.id for job in jobs if job.id)
    return FailureGroup(len(jobs), tuple(jobs), ids, agents, _common_message(jobs))


def _common_message(jobs: Sequence[Job]) -> str:
    """The newest message, with "…" for ids and numbers that not all other messages contain."""
    newest, *others = [(job.response or job.message)[: 2 * COMPARED_LENGTH] for job in jobs]
    if not others or newest.lstrip().startswith(_JSON_START):
        return newest
    shared = frozenset[str].intersection(*map(_tokens, others))

    def shown(found: re.Match[str]) -> str:
        value = found[0].strip(_PUNCTUATION)
        return found[0] if not value or value in shared else found[0].replace(value, "…")

    return _VARIES.sub(shown, newest)


def _tokens(text: str) -> frozenset[str]:
    return frozenset(found[0].strip(_PUNCTUATION) for found in _VARIES.finditer(text))


def _hashed_cause(fingerprint: str) -> Cause:
    ending, codes, words = fingerprint.split(".")
    return Cause(_hashes(codes), _hashes(words), ending)


def _hashes(text: str) -> frozenset[str]:
    starts = range(0, len(text), _HASH_LENGTH)
    return frozenset(text[start : start + _HASH_LENGTH] for start in starts)


def _hash(word: str) -> str:
    hashed = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=3).digest()
    return urlsafe_b64encode(hashed).decode()


def close_matches(typed: str, known: Iterable[str], n: int = 3, cutoff: float = 0.6) -> list[str]:
    """`difflib.get_close_matches`, which takes long if `typed` is long, only for possible matches.

    The similarity of two words is at most twice the length of the shorter one ÷ that of both.
    """
    size = len(typed)
    possible = [one for one in known if 2 * min(size, len(one)) >= cutoff * (size + len(one))]
    return get_close_matches(typed, possible, n, cutoff) if possible else []
