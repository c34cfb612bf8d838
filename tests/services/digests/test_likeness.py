"""Failures that are alike stand together, worst first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import Job
from bot.services.similarity import group_failures


def failed(message: str, agent: str = "complaint-agent") -> Job:
    return Job(status="failure", agent_id=agent, message=message)


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
