"""Building `q` from filters, and what the stand-in finds with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.filters import Filters
from bot.emporix.query import MODIFIED, TimeRange, quote_value, to_q
from sandbox.emporix.query import matching
from sandbox.emporix.times import iso

# Only characters with simple case mappings: engines treat others, such as ß, differently.
LETTERS = [*map(chr, range(128)), *"éÉñÑжЖ中“”…\u00a0\u2028\U0001f600"]
TYPED = st.text(st.sampled_from("ab \\()[]{}\".,:~*+?^$|<>='-&#\n") | st.sampled_from(LETTERS))


def found(filters: Filters, **document: Any) -> bool:
    return matching([document], to_q(filters)) == [document]


@pytest.mark.parametrize(
    ("filters", "q"),
    [
        (Filters(), ""),
        (Filters(statuses=("failure",)), "status:FAILURE"),
        (Filters(statuses=("success", "failure", "")), "status:(SUCCESS,FAILURE)"),
        (Filters(types=("agent_chat", "AGENT_CHAT")), "type:AGENT_CHAT"),
        (Filters(agents=("complaint-agent",)), "agentId:complaint-agent"),
        (Filters(agents=("a b", 'c"d\\')), r'agentId:("a b","c\"d\\")'),
        (Filters(agents=("null",)), 'agentId:"null"'),
        (Filters(agent_types=("anti_fraud",)), "agentType:(anti_fraud,ANTI_FRAUD)"),
        (Filters(events=("order.order-created",)), "commerceEvent:order.order-created"),
        (Filters(sessions=("s-1", "s 2")), 'sessionId:(s-1,"s 2")'),
        (
            Filters(since=1795388400, until=1795474800.0001),
            'metadata.createdAt:(>="2026-11-22T23:00:00.000Z" AND <"2026-11-23T23:00:00.001Z")',
        ),
        (
            Filters(since=1795388400),
            'metadata.createdAt:(>="2026-11-22T23:00:00.000Z" AND <"9999-12-31T23:59:59.999Z")',
        ),
        (
            Filters(until=0),
            'metadata.createdAt:(>="1970-01-01T00:00:00.000Z" AND <"1970-01-01T00:00:00.000Z")',
        ),
        (Filters(words=("refund",)), "message:~refund"),
        (Filters(words=(" late refund ", "")), "message:~(late refund)"),
        (Filters(words=("a", "b")), "message:~a message:~b"),
        (Filters(words=("1.5 (EUR)",)), r"message:~(1\x2e5 \x28EUR\x29)"),
        (Filters(words=("O’Neill's", "' 'x")), r"message:~O.Neill.s message:~(\x27 .x)"),
        (Filters(words=("\u26a0\ufe0f late",)), "message:~(\u26a0\ufe0f? late)"),
        (Filters(words=("this AND that",)), r"message:~(this \x41ND that)"),
        (
            Filters(statuses=("failure",), agents=("a1",), words=("late",)),
            "status:FAILURE agentId:a1 message:~late",
        ),
        (Filters(raw_q=" id:1 ", words=("left out",)), "id:1"),
    ],
)
def test_forms(filters: Filters, q: str) -> None:
    """Each filter has its documented form."""
    assert to_q(filters) == q


@pytest.mark.parametrize(
    ("part", "q"),
    [
        (TimeRange(), "status:FAILURE"),
        (
            TimeRange(until="2026-11-23T10:33:20.000Z"),
            "status:FAILURE metadata.createdAt:"
            '(>="1970-01-01T00:00:00.000Z" AND <="2026-11-23T10:33:20.000Z")',
        ),
        (
            TimeRange(MODIFIED, since="2026-11-22T00:00:00.000Z", until="2026-11-23T10:33:20.000Z"),
            "status:FAILURE metadata.modifiedAt:"
            '(>="2026-11-22T00:00:00.000Z" AND <="2026-11-23T10:33:20.000Z")',
        ),
        (TimeRange(missing=True), "status:FAILURE metadata.createdAt:missing"),
    ],
)
def test_time_range_is_one_clause(part: TimeRange, q: str) -> None:
    """A time range adds one clause to the filters, and none to a raw query."""
    assert to_q(Filters(statuses=("failure",)), part) == q
    assert to_q(Filters(raw_q="id:1"), part) == "id:1"


DAY = 86400
MOMENTS = st.none() | st.integers(0, 3).map(lambda days: float(days * DAY))


def at(seconds: float | None) -> str:
    return "" if seconds is None else iso(seconds)


def test_ends_are_compared_as_times() -> None:
    """The same time can be written in several ways."""
    part = TimeRange(since="1970-01-02T01:00:00+01:00", until="1970-01-03T00:00:00Z")
    assert to_q(Filters(since=DAY + 0.5, until=2 * DAY + 0.5), part) == (
        'metadata.createdAt:(>="1970-01-02T00:00:00.500Z" AND <="1970-01-03T00:00:00Z")'
    )


@given(since=MOMENTS, until=MOMENTS, reached=MOMENTS, bound=MOMENTS, created=MOMENTS)
def test_two_time_ranges_become_one_clause(
    since: float | None,
    until: float | None,
    reached: float | None,
    bound: float | None,
    created: float | None,
) -> None:
    """The user's range and the page's range become one clause, and both apply."""
    q = to_q(Filters(since=since, until=until), TimeRange(since=at(reached), until=at(bound)))
    job: dict[str, Any] = {} if created is None else {"metadata": {"createdAt": iso(created)}}
    is_bounded = any(end is not None for end in (since, until, reached, bound))
    fits = not is_bounded if created is None else (
        max(since or 0, reached or 0) <= created
        and (until is None or created < until)
        and (bound is None or created <= bound)
    )  # fmt: skip
    assert (matching([job], q) == [job]) == fits
    assert q.count("createdAt") == int(is_bounded)


@given(word=TYPED.filter(str.strip), before=TYPED, after=TYPED)
@example(word="late AND refund", before="", after="")
@example(word='x") status:(SUCCESS', before="", after="")
def test_a_word_is_found(word: str, before: str, after: str) -> None:
    """A message that contains the phrase is found, whatever its characters."""
    assert found(Filters(words=(word,)), message=before + word + after)


@given(word=TYPED.filter(str.strip), message=TYPED)
def test_only_the_word_is_found(word: str, message: str) -> None:
    """A message is found only where it has the phrase, in any case, and with any character for an
    apostrophe in a word."""
    parts = re.split(r"(?<=\w)['‘’ʼ´]|['‘’ʼ´](?=\w)", word.strip())
    pattern = ".".join(map(re.escape, parts))
    holds = re.search(pattern, message, re.IGNORECASE) is not None
    assert found(Filters(words=(word,)), message=message) == holds


@given(word=TYPED.filter(str.strip), agent=TYPED.filter(bool))
def test_nothing_typed_reaches_another_clause(word: str, agent: str) -> None:
    """All clauses still apply, whatever text is in one of them."""
    filters = Filters(statuses=("failure",), agents=(agent,), words=(word,))
    assert found(filters, status="FAILURE", agentId=agent, message=word)
    assert not found(filters, status="SUCCESS", agentId=agent, message=word)
    assert not found(filters, status="FAILURE", agentId=f"{agent}x", message=word)
    assert not found(filters, status="FAILURE", agentId=agent, message="")


@given(agents=st.lists(TYPED.filter(bool), min_size=1, max_size=4), other=TYPED.filter(bool))
def test_one_of_several_agents(agents: list[str], other: str) -> None:
    """Exactly the named agents are found, however odd their ids."""
    filters = Filters(agents=tuple(agents))
    assert all(found(filters, agentId=agent) for agent in agents)
    assert found(filters, agentId=other) == (other in agents)


def test_lone_surrogate() -> None:
    """A lone surrogate does not prevent the query from being sent."""
    assert to_q(Filters(words=("a\ud800",), agents=("b\ud800",))).encode()


@given(st.text(st.sampled_from('"\\) ANDx:')))
def test_no_value_ends_its_quotes(value: str) -> None:
    """Any value stays between its quotes, which are the only way into a query."""
    inner = quote_value(value)[1:-1]
    assert re.fullmatch(r'(?:[^"\\]|\\["\\])*', inner)
    assert re.sub(r'\\(["\\])', r"\1", inner) == value
