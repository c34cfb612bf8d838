"""The command that a typed line stands for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.listeners
from bot.errors import UnknownCommand
from bot.slack.decorators import discover
from tests.harness.outcome import outcome

REGISTRY = discover(bot.listeners)


JOB = "68835cc3ef4e8e1425c360ad"
LINK = f"https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/{JOB}"


@pytest.mark.parametrize(
    ("typed", "words", "rest"),
    [
        ("", "", ""),
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
        ("search refund", "jobs search", "refund"),
        (f"delete {JOB}", "jobs delete", JOB),
        (f"get {JOB}", "jobs get", JOB),
        (f"watch {JOB}", "jobs watch", JOB),
        ("watch list", "jobs watch", ""),
        ("jobs watch list", "jobs watch", ""),
        ("watches", "jobs watch", ""),
    ],
)
def test_finds_the_longest_command(typed: str, words: str, rest: str) -> None:
    """Case and spaces do not matter; the text after the command is unchanged."""
    found = REGISTRY.find(typed)
    assert (found.listener.words, found.text) == (words, rest)
    assert found.proposal is None


@pytest.mark.parametrize("words", [w for w in REGISTRY.commands if w.startswith("jobs ")])
def test_commands_of_jobs_work_without_jobs(words: str) -> None:
    """Each command of jobs is found by its verb alone, unless another command has this name."""
    verb = words.removeprefix("jobs ")
    found = REGISTRY.find(f"{verb} x")
    assert (found.listener.words, found.text) == (words, "x")


@pytest.mark.parametrize(
    "before",
    [
        "", "jobs ", "job ", "show ", "open ", "jobs show ", "Show job ", "id:", "jobs ID = ",
        "please open ", "show me the job ", "Please give me job id ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrapped", ["{}", "<{}>", "`{}`", "*{}*", "({})", "{}.", "#{}", "“{}”,"])
@pytest.mark.parametrize("reference", [JOB, JOB.upper(), LINK, f"{LINK}?a=b"])
def test_an_id_or_a_link_alone_opens_the_job(before: str, wrapped: str, reference: str) -> None:
    """An id or a dashboard link opens the job, with a proposal to search for it instead."""
    found = REGISTRY.find(before + wrapped.format(reference))
    assert (found.listener.words, found.text) == ("jobs get", JOB)
    assert found.proposal is not None
    assert found.proposal.line == f'jobs search "{JOB}"'


@pytest.mark.parametrize(
    "typed",
    [
        f"jobs refund {JOB}",
        f"jobs {JOB} {JOB}",
        "jobs 68835cc3",
        "jobs show refunds",
        f"jobs a{JOB}",
    ],
)
def test_other_words_beside_an_id_are_searched(typed: str) -> None:
    """Only a line that has nothing but an id opens a job."""
    found = REGISTRY.find(typed)
    assert (found.listener.words, found.text) == ("jobs list", typed.removeprefix("jobs "))


@pytest.mark.parametrize(
    "typed",
    [
        "today", "Yesterday", "last week", "monday", "24h", "last 2 hours", "2026-11-01", "1.11.",
        "11/01/2026", "2026-11-01 2026-11-05", "until monday", "tomorrow",
        "show failed jobs", "list failed jobs today", "show me failed jobs", "failed jobs today",
        "get all jobs", "show failures", "all failed", "how many running jobs today",
        "newest jobs", "Skipped yesterday", "succeeded", "yesterday failed", "today failed jobs",
        "today's failed jobs", "last week failures", "last 5 jobs", "last 5", "top 3 failed",
        "latest failed", "last failed job", "the newest job", "recent skipped today",
        "what failed today", "which jobs failed",
        "status:failed refund", "agent=x", "--type export", "since:1.11.",
    ],
)  # fmt: skip
def test_a_line_that_says_which_jobs_lists_them(typed: str) -> None:
    """Dates, requests, statuses and filters alone are for the list, which is given the line."""
    found = REGISTRY.find(typed)
    assert (found.listener.words, found.text) == ("jobs list", typed)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("failed today", "failed"),
        ("running 24h", "running"),
        ("search today", "jobs search"),
        ("delete failed jobs", "jobs delete"),
        ("alerts on failed jobs", "alerts on"),
        ("digest monday", "digest new"),
    ],
)
def test_a_command_comes_first(typed: str, words: str) -> None:
    """A line that begins with a command is this command, whatever follows."""
    assert REGISTRY.find(typed).listener.words == words


@pytest.mark.parametrize(
    "typed", ["skippedx", "stauts:failed", "sometime today", "show refunds", "monday blues"]
)
def test_other_lines_are_no_list(typed: str) -> None:
    """A line of other words is no command."""
    with pytest.raises(UnknownCommand):
        REGISTRY.find(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "lost parcel", "match order 4711", "last week", "batch import", "patch failed",
        "research results", "latch", "cleaner agent", "wash", "list price",
    ],
)  # fmt: skip
def test_words_similar_to_a_command_are_searched(typed: str) -> None:
    """A line whose first word is only similar to a command is a search."""
    found = REGISTRY.find(f"jobs {typed}")
    assert found.listener.words == "jobs list"
    assert found.text in (typed, typed.removeprefix("list "))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("jobs serch refund", "jobs search refund"),
        ("jobs lst", "jobs list"),
        ("jobs lsit status:failed", "jobs list status:failed"),
        ("jobs wach", "jobs watch"),
        ("jobs clen skipped until:2026-11-01", "jobs clean skipped until:2026-11-01"),
        ("jobs lost parcel", None),
        ("jobs match order", None),
        ("jobs cleaner agent", None),
    ],
)
def test_a_slip_is_searched_and_proposed(typed: str, line: str | None) -> None:
    """A command is proposed only if the whole line would be one; its words are searched."""
    found = REGISTRY.find(typed)
    assert (found.listener.words, found.text) == ("jobs list", typed.removeprefix("jobs "))
    assert (found.proposal and found.proposal.line) == line


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("jobs gett 68835cc3", ["jobs get 68835cc3", "jobs list gett 68835cc3"]),
        (f"jobs delte {LINK}", [f"jobs delete {LINK}", f"jobs list delte {LINK}"]),
        ("digest lst", ["digest list", "digest new lst"]),
        ("alerts of", ["alerts off", "alerts list of"]),
        ("conect acme", ["connect acme", "jobs list conect acme"]),
        ("digst new Sales", ["digest new Sales", "jobs list digst new Sales"]),
        ("serch refund", ["jobs search refund", "jobs list serch refund"]),
        ("jbs", ["jobs", "jobs list jbs"]),
        ("hlep", ["help", "jobs list hlep"]),
        ("make coffee", ["jobs list make coffee"]),
        ("refund", ["jobs list refund"]),
        ("coffee", ["jobs list coffee"]),
        ("last 5 blues", ["jobs list 5 blues", "jobs list last 5 blues"]),
        ("please open 68835cc3", ["jobs list please open 68835cc3"]),
        ("errors today", ["jobs list status:error today", "jobs list errors today"]),
        ("Success", ["jobs list status:success", "jobs list Success"]),
        ("imports", ["jobs list type:import", "jobs list imports"]),
        (f"what about {JOB.upper()}?", [f"jobs get {JOB}", f"jobs list what about {JOB.upper()}?"]),
        (f"{JOB} 68835cc3ef4e8e1425c36fff", [f"jobs list {JOB} 68835cc3ef4e8e1425c36fff"]),
    ],
)
def test_proposes_the_whole_line(typed: str, lines: list[str]) -> None:
    """A line that is not a command is refused with the lines that were probably meant."""
    with pytest.raises(UnknownCommand) as caught:
        REGISTRY.find(typed)
    assert caught.value.text == typed
    assert [proposal.line for proposal in caught.value.proposals] == lines


@pytest.mark.parametrize("words", [w for w in REGISTRY.commands if w.count(" ") == 1])
def test_proposes_the_commands_that_end_in_a_word(words: str) -> None:
    """The last word of a command, without the first, runs the command of jobs or proposes all."""
    end = words.split()[1]
    found = outcome(UnknownCommand, lambda: REGISTRY.find(f"{end} 2h"))
    if isinstance(found, UnknownCommand):
        assert f"{words} 2h" in [proposal.line for proposal in found.proposals]
    else:
        assert found.listener.words == f"jobs {end}"


@given(st.text(max_size=60) | st.sampled_from([*REGISTRY.commands]).map(lambda words: words[:-1]))
def test_finds_something_or_says_so(typed: str) -> None:
    """Any text is a command or refused with proposals, each of which is a command."""
    found = outcome(UnknownCommand, lambda: REGISTRY.find(typed))
    if isinstance(found, UnknownCommand):
        for proposal in found.proposals:
            REGISTRY.find(proposal.line)
    else:
        assert found.listener.words in {*REGISTRY.commands, ""}


def test_an_unknown_topic_lists_the_topics() -> None:
    """Help on something unknown names the topics, and proposes a similar one."""
    with pytest.raises(UnknownCommand) as caught:
        REGISTRY.topics("alrts")
    assert {"jobs", "digest", "alerts", "connect"} <= {*caught.value.topics}
    assert [proposal.line for proposal in caught.value.proposals] == ["help alerts"]


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


@pytest.mark.parametrize("typed", ["x" * 100_000, "jobs " + "x" * 100_000, "help" + "x" * 100_000])
def test_a_long_word_is_quickly_no_command(typed: str) -> None:
    """A word that is longer than any command delays no other request."""
    started = time.process_time()
    outcome(UnknownCommand, lambda: REGISTRY.find(typed))
    assert time.process_time() - started < 0.3
