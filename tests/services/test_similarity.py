"""Failures are grouped by cause: the words of their messages, without ids, numbers and names."""

from __future__ import annotations

import re
import time
from difflib import get_close_matches

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.jobs import Job
from bot.services.similarity import (
    are_similar_fingerprints,
    cause_of,
    close_matches,
    fingerprint,
    group_failures,
)

LOST = "Agent execution failed: order EON1031 could not be found."

CAUSES = (
    "Agent execution failed: order {} could not be found.",
    "Tool call get_invoice timed out after {} s; the customer was not answered.",
    "Tool call get_customer timed out after {} s; the customer was not answered.",
    "Kunde zur Rechnung {} nicht gefunden; bitte manuell prüfen.",
    "The language model answered {}: quota exceeded. No text was written.",
    "Payment of {} failed: card declined.",
    "Payment of {} failed: card expired.",
    "The shop answered HTTP 404 for {}.",
    "The shop answered HTTP 503 for {}.",
    "TimeoutError: the request {} was not completed.",
    "ConnectionError: the request {} was not completed.",
)
"""One sentence each, with a place for what differs from job to job."""

values = st.one_of(
    st.integers(0, 10**9).map(str),
    st.integers(0, 9_999).map("EON{}".format),
    st.uuids().map(str),
    st.integers(16**11, 16**12 - 1).map("{:024x}".format),
    st.decimals(0, 10**6, places=2).map("{:,} €".format),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.integers(0, 99).map("order-{}@example.com".format),
    st.integers(0, 99).map("https://shop.example.com/orders/{}".format),
    st.sampled_from(["Okafor", "»4711«", "#42", "(12)"]),
)
agents = st.sampled_from(["complaint-agent", "fraud-agent", "catalog-agent"])
failures = st.lists(st.tuples(st.sampled_from(CAUSES), values, agents), min_size=1, max_size=40)


def failed(message: str, agent: str = "complaint-agent") -> Job:
    return Job(status="failure", agent_id=agent, message=message)


@example([(CAUSES[5], "Okafor", "one-agent"), (CAUSES[6], "Okafor", "other-agent")])
@given(failures)
def test_groups_by_cause_across_agents(given_failures: list[tuple[str, str, str]]) -> None:
    """Ids, numbers, amounts and agents do not separate failures, and different causes do."""
    jobs = [failed(cause.format(value), agent) for cause, value, agent in given_failures]
    causes = {id(job): one[0] for job, one in zip(jobs, given_failures, strict=True)}
    found = group_failures(jobs)
    assert all(len({causes[id(job)] for job in group.jobs}) == 1 for group in found)
    assert len(found) == len(set(causes.values()))


@given(failures)
def test_each_failure_is_counted_once(given_failures: list[tuple[str, str, str]]) -> None:
    """Groups hold the given jobs, and the agents of a group add up to its count."""
    jobs = [failed(cause.format(value), agent) for cause, value, agent in given_failures]
    found = group_failures(jobs)
    assert sorted(id(job) for group in found for job in group.jobs) == sorted(map(id, jobs))
    for group in found:
        assert group.count == len(group.jobs) == sum(agent.count for agent in group.agents)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=40)), max_size=30))
def test_each_is_in_one_group(jobs: list[tuple[str, str]]) -> None:
    """A failure is in one group, whatever its message is."""
    given_jobs = [failed(text, agent) for agent, text in jobs]
    found = [job for group in group_failures(given_jobs) for job in group.jobs]
    assert sorted(map(id, found)) == sorted(map(id, given_jobs))


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
    """The same sentence about another order, from another agent, is the same failure."""
    one, another = fingerprint(failed(LOST)), fingerprint(failed(other, "anti-fraud-agent"))
    assert are_similar_fingerprints(one, another)


def test_other_words_count() -> None:
    """Another sentence is another failure."""
    timeout = fingerprint(failed("Tool call get_invoice timed out after 30 s."))
    assert not are_similar_fingerprints(fingerprint(failed(LOST)), timeout)


def test_the_response_counts_if_there_is_one() -> None:
    """The response of the agent is compared, not the question of the customer."""
    one, other = (Job(message=text, response=LOST) for text in ("Where?", "I want it back!"))
    assert are_similar_fingerprints(fingerprint(one), fingerprint(other))


def test_failures_without_words_are_grouped_by_agent() -> None:
    """A message without words says nothing about its cause, so another agent may have another."""
    silent = fingerprint(failed(""))
    assert are_similar_fingerprints(silent, fingerprint(failed(" 17 ")))
    assert not are_similar_fingerprints(silent, fingerprint(failed(LOST)))
    assert not are_similar_fingerprints(silent, fingerprint(failed("", "fraud-agent")))


def test_a_fingerprint_cannot_be_read() -> None:
    """A fingerprint contains no word of the message."""
    words = cause_of(failed(LOST)).words
    assert not any(word in fingerprint(failed(LOST)).casefold() for word in words)


@given(st.text(), st.text())
def test_fingerprints_compare_as_messages_do(one: str, other: str) -> None:
    """Two fingerprints are similar if the messages are."""
    one_job, other_job = failed(one), failed(other)
    expected = cause_of(one_job).is_like(cause_of(other_job))
    assert are_similar_fingerprints(fingerprint(one_job), fingerprint(other_job)) == expected


@given(st.text().filter(lambda text: not re.search("http|status", text, re.IGNORECASE)))
def test_any_number_is_like_any_other(text: str) -> None:
    """A number doesn't change the cause, whatever surrounds it."""
    assert cause_of(failed(f"1 {text[:100]}")) == cause_of(failed(f"23 {text[:100]}"))


def test_the_largest_groups_come_first() -> None:
    """Groups are sorted by their number of jobs, and then by their newest job."""
    found = group_failures(
        [failed("One thing"), failed("Another matter"), failed("another MATTER")]
    )
    assert [group.jobs[0].message for group in found] == ["Another matter", "One thing"]


def test_names_the_agents_with_most_jobs_first() -> None:
    """A group counts the jobs of each agent, by its name if that is known."""
    named = Job(status="failure", agent_id="fraud-agent", agent_name="Fraud Check", message=LOST)
    (group,) = group_failures([failed(LOST), named, named, Job(status="failure", message=LOST)])
    assert [(agent.name, agent.count) for agent in group.agents] == [
        ("Fraud Check", 2),
        ("complaint-agent", 1),
        ("", 1),
    ]


def test_counts_imports_and_exports_as_such() -> None:
    """Jobs without an agent are counted by their type if they are imports or exports."""
    import_, export = (
        Job(status="failure", type=type_, message=f"The {type_.lower()} could not be completed.")
        for type_ in ("IMPORT", "EXPORT")
    )
    (group,) = group_failures([export, import_, import_])
    assert [(agent.name, agent.count) for agent in group.agents] == [("Import", 2), ("Export", 1)]


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ([LOST], LOST),
        (
            [LOST, LOST.replace("1031", "9354")],
            "Agent execution failed: order … could not be found.",
        ),
        (
            ["Timed out after 30 s (EON1).", "Timed out after 30 s (EON2)."],
            "Timed out after 30 s (…).",
        ),
        (['{"error": "lost 1"}', '{"error": "lost 2"}'], '{"error": "lost 1"}'),
    ],
)
def test_the_message_of_a_group_omits_differences(messages: list[str], shown: str) -> None:
    """Ids and numbers that only some jobs of a group have are shown as "…"."""
    (group,) = group_failures(map(failed, messages))
    assert group.message == shown


LETTERS = st.text("abc", max_size=12)


@given(LETTERS, st.lists(LETTERS, max_size=8), st.sampled_from([0.5, 0.6, 0.75]))
def test_close_matches_are_those_of_difflib(typed: str, known: list[str], cutoff: float) -> None:
    """Words are left out only if they can't be similar."""
    assert close_matches(typed, known, 2, cutoff) == get_close_matches(typed, known, 2, cutoff)


@pytest.mark.parametrize("piece", [">", "a", "a@", "http:", "_a", "A", "status code", "(", "é "])
def test_long_words_are_grouped_quickly(piece: str) -> None:
    """A hundred failures with long words take a fraction of a second of CPU time."""
    begun = time.process_time()
    assert len(group_failures([failed(piece * 1_000)] * 100)) == 1
    assert time.process_time() - begun < 0.4
