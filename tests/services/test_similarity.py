"""Failures are similar if one agent says nearly the same; groups are sorted by size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import Job
from bot.services.similarity import (
    are_similar,
    are_similar_fingerprints,
    fingerprint,
    group_failures,
    significant_words,
)

LOST = "Agent execution failed: order EON1031 could not be found."


def failed(message: str, agent: str = "complaint-agent") -> Job:
    return Job(status="failure", agent_id=agent, message=message)


@pytest.mark.parametrize(
    "other",
    [
        "Agent execution failed: order EON9999 could not be found.",
        "agent execution failed:  order 68835cc3ef4e8e1425c360ad could not be found",
        "Agent execution failed: order 123e4567-e89b-42d3-a456-426614174000 could not be found.",
        "Agent execution failed: order 2026-11-20T10:30:27.167Z could not be found.",
        "Agent execution failed: order 1,204.50 could not be found.",
        "Agent execution failed: order deadbeefdeadbeef could not be found.",
        "Agent execution failed: order of Ms Okafor could not be found.",
    ],
)
def test_ids_numbers_dates_and_a_name_do_not_count(other: str) -> None:
    """The same sentence about another order is the same failure."""
    assert are_similar_fingerprints(fingerprint(failed(LOST)), fingerprint(failed(other)))


def test_other_words_count() -> None:
    """Another sentence is another failure, and so is that of another agent."""
    lost = fingerprint(failed(LOST))
    assert not are_similar_fingerprints(
        lost, fingerprint(failed("Tool call get_invoice timed out after 30 s."))
    )
    assert not are_similar_fingerprints(lost, fingerprint(failed(LOST, "anti-fraud-agent")))


def test_the_answer_counts_where_there_is_one() -> None:
    """`response` is what came out; what the customer asked differs each time."""
    one, other = (Job(message=text, response=LOST) for text in ("Where?", "I want it back!"))
    assert are_similar_fingerprints(fingerprint(one), fingerprint(other))


def test_nothing_is_like_nothing() -> None:
    """Two failures of an agent that says nothing are one."""
    assert are_similar_fingerprints(fingerprint(failed("")), fingerprint(failed(" 17 ")))
    assert not are_similar_fingerprints(fingerprint(failed("")), fingerprint(failed(LOST)))


def test_says_nothing_of_what_a_job_said() -> None:
    """What is kept of a message cannot be read."""
    assert not any(
        word in fingerprint(failed(LOST)).casefold() for word in significant_words(failed(LOST))
    )


@given(st.text(), st.text())
def test_digests_compare_as_words_do(one: str, other: str) -> None:
    """What is kept tells the same as the messages themselves."""
    one_job, other_job = failed(one), failed(other)
    expected = are_similar(significant_words(one_job), significant_words(other_job))
    assert are_similar_fingerprints(fingerprint(one_job), fingerprint(other_job)) == expected


@given(st.text(), st.integers(min_value=0), st.integers(min_value=0))
def test_any_number_is_like_any_other(text: str, one: int, other: int) -> None:
    """Whatever stands around it."""
    assert significant_words(failed(f"{one} {text[:100]}")) == significant_words(
        failed(f"{other} {text[:100]}")
    )


def test_ids_and_numbers_do_not_part_them() -> None:
    """The same trouble with another order is the same trouble."""
    found = group_failures(
        [
            failed("The order EON1031 was not found in 3 attempts."),
            failed("The order 68835cc3ef4e8e1425c360ad was not found in 12 attempts."),
            failed("The payment was refused by the bank."),
        ]
    )
    assert [group.count for group in found] == [2, 1]


def test_agents_part_them() -> None:
    """Whose failures they are matters as much as what they say."""
    found = group_failures([failed("Nothing found."), failed("Nothing found.", "fraud-agent")])
    assert [group.count for group in found] == [1, 1]


def test_the_worst_come_first() -> None:
    """The most; of equally many, the newest."""
    found = group_failures(
        [failed("One thing"), failed("Another matter"), failed("another MATTER")]
    )
    assert [group.jobs[0].message for group in found] == ["Another matter", "One thing"]


def test_none_without_words_is_lost() -> None:
    """A failure may say nothing, or only an id."""
    assert [
        group.count for group in group_failures([failed(""), failed("EON1031"), failed("x")])
    ] == [2, 1]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=40)), max_size=30))
def test_each_is_in_one_group(jobs: list[tuple[str, str]]) -> None:
    """Whatever they say."""
    given_jobs = [failed(text, agent) for agent, text in jobs]
    found = [job for group in group_failures(given_jobs) for job in group.jobs]
    assert sorted(map(id, found)) == sorted(map(id, given_jobs))
