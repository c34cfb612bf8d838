"""Failures are similar if an agent's messages are nearly equal; groups are sorted by size."""

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
    """Another sentence, or another agent, is another failure."""
    lost = fingerprint(failed(LOST))
    assert not are_similar_fingerprints(
        lost, fingerprint(failed("Tool call get_invoice timed out after 30 s."))
    )
    assert not are_similar_fingerprints(lost, fingerprint(failed(LOST, "anti-fraud-agent")))


def test_the_answer_is_compared_if_there_is_one() -> None:
    """`response` is the result; `message`, the question, differs each time."""
    one, other = (Job(message=text, response=LOST) for text in ("Where?", "I want it back!"))
    assert are_similar_fingerprints(fingerprint(one), fingerprint(other))


def test_empty_messages_are_similar() -> None:
    """Two failures of an agent without messages are similar."""
    assert are_similar_fingerprints(fingerprint(failed("")), fingerprint(failed(" 17 ")))
    assert not are_similar_fingerprints(fingerprint(failed("")), fingerprint(failed(LOST)))


def test_fingerprints_do_not_reveal_the_message() -> None:
    """A fingerprint contains no word of the message."""
    assert not any(
        word in fingerprint(failed(LOST)).casefold() for word in significant_words(failed(LOST))
    )


@given(st.text(), st.text())
def test_fingerprints_compare_like_messages(one: str, other: str) -> None:
    """Two fingerprints are similar exactly if the messages are."""
    one_job, other_job = failed(one), failed(other)
    expected = are_similar(significant_words(one_job), significant_words(other_job))
    assert are_similar_fingerprints(fingerprint(one_job), fingerprint(other_job)) == expected


@given(st.text(), st.integers(min_value=0), st.integers(min_value=0))
def test_all_numbers_are_equal(text: str, one: int, other: int) -> None:
    """Numbers do not count, whatever surrounds them."""
    assert significant_words(failed(f"{one} {text[:100]}")) == significant_words(
        failed(f"{other} {text[:100]}")
    )


def test_ids_and_numbers_do_not_split_groups() -> None:
    """The same error about another order belongs to the same group."""
    found = group_failures(
        [
            failed("The order EON1031 was not found in 3 attempts."),
            failed("The order 68835cc3ef4e8e1425c360ad was not found in 12 attempts."),
            failed("The payment was refused by the bank."),
        ]
    )
    assert [group.count for group in found] == [2, 1]


def test_each_agent_has_its_own_groups() -> None:
    """Equal messages of two agents are two groups."""
    found = group_failures([failed("Nothing found."), failed("Nothing found.", "fraud-agent")])
    assert [group.count for group in found] == [1, 1]


def test_the_largest_groups_come_first() -> None:
    """Groups are sorted by size, and then newest first."""
    found = group_failures(
        [failed("One thing"), failed("Another matter"), failed("another MATTER")]
    )
    assert [group.jobs[0].message for group in found] == ["Another matter", "One thing"]


def test_failures_without_words_are_grouped() -> None:
    """Failures without a message, or with only an id, are in a group."""
    assert [
        group.count for group in group_failures([failed(""), failed("EON1031"), failed("x")])
    ] == [2, 1]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=40)), max_size=30))
def test_each_is_in_one_group(jobs: list[tuple[str, str]]) -> None:
    """Every failure is in exactly one group, whatever its message."""
    given_jobs = [failed(text, agent) for agent, text in jobs]
    found = [job for group in group_failures(given_jobs) for job in group.jobs]
    assert sorted(map(id, found)) == sorted(map(id, given_jobs))
