"""Typed filters find the same jobs through `q` as by comparing the jobs themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.query import to_q
from sandbox.emporix.query import matching
from sandbox.emporix.times import iso
from tests.services.filters.fake_clock import BERLIN, FakeWall, settled

Job = dict[str, Any]
Test = Callable[[Job], bool]

NOW = FakeWall().now()
HOUR = 3600.0

# What could mean something in the filters, in `q` or in a regular expression.
ODD = st.text(st.sampled_from("ab \\()[]{}.,:~*+?^$|<>='-&#é"), min_size=1, max_size=8).map(
    lambda text: " ".join(text.split())
).filter(bool)  # fmt: skip
TEXTS = st.sampled_from(["a", "b", "null", "AND", "a) status:(SUCCESS", "x,y", "missing"]) | ODD
STATUSES = {"failed": "failure", "ok": "success", "running": "in_progress", "skipped": "skipped"}
AGENT_TYPES = {"fraud": "anti_fraud", "complaint": "complaint"}
TYPES = {"chat": "AGENT_CHAT", "import": "IMPORT", "export": "EXPORT"}

JOBS = st.lists(
    st.fixed_dictionaries(
        {"message": TEXTS | st.tuples(TEXTS, TEXTS).map(" ".join)},
        optional={
            "status": st.sampled_from([*STATUSES.values()]),
            "type": st.sampled_from([*TYPES.values(), "agent_chat"]),
            "agentId": TEXTS,
            "agentType": st.sampled_from(["generic", "complaint", "anti_fraud", "COMPLAINT"]),
            "commerceEvent": TEXTS,
            "sessionId": TEXTS,
            "metadata": st.integers(-72, 1).map(
                lambda hours: {"createdAt": iso(NOW + hours * HOUR)}
            ),
        },
    ),
    min_size=1,
    max_size=6,
)


def quoted(values: Sequence[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def several(key: str, name: str) -> st.SearchStrategy[tuple[str, Test]]:
    """A filter with any texts, and its meaning."""
    return st.lists(TEXTS, min_size=1, max_size=2).map(
        lambda values: (f"{name}: {quoted(values)}", lambda job: job.get(key) in values)
    )


def chosen(key: str, name: str, known: dict[str, str]) -> st.SearchStrategy[tuple[str, Test]]:
    return st.lists(st.sampled_from([*known]), min_size=1, max_size=2).map(
        lambda words: (
            f"{name}:{','.join(words)}",
            lambda job: job.get(key, "").upper() in [known[word].upper() for word in words],
        )
    )


def holds(phrase: str) -> Test:
    parts = re.split(r"(?<=\w)'|'(?=\w)", phrase)  # an apostrophe matches any character
    pattern = ".".join(map(re.escape, parts))
    return lambda job: re.search(pattern, job["message"], re.IGNORECASE) is not None


def created(job: Job) -> float | None:
    text = job.get("metadata", {}).get("createdAt")
    return datetime.fromisoformat(text).timestamp() if text else None


def local_day(job: Job) -> str:
    seconds = created(job)
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, ZoneInfo(BERLIN)):%F}"


def since_hours(hours: int) -> tuple[str, Test]:
    return f"since:{hours}h", lambda job: (created(job) or 0) >= NOW - hours * HOUR


CLAUSES = {
    "status": chosen("status", "status", STATUSES),
    "type": chosen("type", "type", TYPES),
    "agent": several("agentId", "agent"),
    "agent-type": chosen("agentType", "agent-type", AGENT_TYPES),
    "event": several("commerceEvent", "event"),
    "session": several("sessionId", "session"),
    "words": TEXTS.map(lambda phrase: (f'"{phrase}"', holds(phrase))),
    "since": st.integers(1, 72).map(since_hours)
    | st.just(("since:yesterday", lambda job: local_day(job) >= "2026-11-22")),
    "until": st.sampled_from(["2026-11-22", "2026-11-23"]).map(
        lambda day: (f"until:{day}", lambda job: "" < local_day(job) <= day)
    ),
}  # fmt: skip


@given(jobs=JOBS, data=st.data())
async def test_finds_the_matching_jobs(jobs: list[Job], data: st.DataObject) -> None:
    """Exactly the jobs that match all filters are found, whatever their values."""
    names = data.draw(st.lists(st.sampled_from([*CLAUSES]), unique=True, max_size=5))
    if {"since", "until"} <= {*names}:
        names.remove("until")  # together they may leave no time, which is another answer
    clauses = [data.draw(CLAUSES[name]) for name in names]
    filters = await settled(" ".join(text for text, _ in clauses))
    assert matching(jobs, to_q(filters)) == [
        job for job in jobs if all(fits(job) for _, fits in clauses)
    ]
