"""The text of a command finds its listener."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.listeners
from bot.errors import UnknownCommand
from bot.slack.decorators import discover

REGISTRY = discover(bot.listeners)


@pytest.mark.parametrize(
    ("typed", "words", "rest"),
    [
        ("", "help", ""),
        ("help", "help", ""),
        ("  Help  connect ", "help", "connect"),
        ("jobs", "jobs list", ""),
        ("jobs list", "jobs list", ""),
        ("JOBS LIST status:failure", "jobs list", "status:failure"),
        ("jobs status:failure page:2", "jobs list", "status:failure page:2"),
        ("jobs refund", "jobs list", "refund"),
        ('jobs  search   "late  refund"', "jobs search", '"late  refund"'),
        ("jobs get 68835cc3", "jobs get", "68835cc3"),
        ("jobs delete 68835cc3", "jobs delete", "68835cc3"),
        ("connect acme", "connect", "acme"),
        ("use globex", "use", "globex"),
    ],
)
def test_finds_the_longest_command(typed: str, words: str, rest: str) -> None:
    """The longest command wins regardless of case and spaces; the rest stays unchanged."""
    found, text = REGISTRY.find(typed)
    assert (found.words, text) == (words, rest)


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("jobs serch refund", "jobs search"),
        ("jobs gett 68835cc3", "jobs get"),
        ("jobs delte 68835cc3", "jobs delete"),
        ("conect acme", "connect"),
        ("jbs", "jobs"),
        ("hlep", "help"),
        ("make coffee", ""),
    ],
)
def test_names_the_nearest_command(typed: str, nearest: str) -> None:
    """A typo in a command is not treated as search words."""
    with pytest.raises(UnknownCommand) as caught:
        REGISTRY.find(typed)
    assert (caught.value.text, caught.value.nearest) == (typed, nearest)


@given(st.text(max_size=60))
def test_finds_something_or_says_so(typed: str) -> None:
    """Any text is a command or raises UnknownCommand, and nothing else."""
    try:
        found, _ = REGISTRY.find(typed)
    except UnknownCommand:
        return
    assert found.words in REGISTRY.commands


def test_help_topics_are_words_of_commands() -> None:
    """A help topic lists all commands that start with it."""
    assert {c.words for c in REGISTRY.topics("jobs")} == {
        "jobs list",
        "jobs search",
        "jobs get",
        "jobs clean",
        "jobs delete",
        "jobs watch",
        "jobs unwatch",
    }
    assert [c.words for c in REGISTRY.topics("/emporix jobs get")] == ["jobs get"]
    assert len(REGISTRY.topics("")) == len(REGISTRY.commands)
