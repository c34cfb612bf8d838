"""What people type becomes filters, or an answer that says what to type instead."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.models import NEWEST_FIRST, Filters
from bot.services.filters import FILTER_NAMES, parse_filters

NONE = Filters()


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("", NONE),
        ("refund", replace(NONE, words=("refund",))),
        ("late refund", replace(NONE, words=("late", "refund"))),
        ('"late refund" now', replace(NONE, words=("late refund", "now"))),
        ("“late refund”", replace(NONE, words=("late refund",))),
        ("status:failure", replace(NONE, statuses=("failure",))),
        ("status:failed,ok", replace(NONE, statuses=("failure", "success"))),
        ("status:failed status:ok", replace(NONE, statuses=("failure", "success"))),
        ("STATUS:Running", replace(NONE, statuses=("in_progress",))),
        ("type:chat,export", replace(NONE, types=("AGENT_CHAT", "EXPORT"))),
        ("agent:complaint-agent", replace(NONE, agents=("complaint-agent",))),
        ('agent:"odd, name",b', replace(NONE, agents=("odd, name", "b"))),
        ("page:2 size:5", replace(NONE, page=2, size=5)),
        ("sort:oldest", replace(NONE, sort="metadata.createdAt:ASC")),
        ("sort:newest", replace(NONE, sort=NEWEST_FIRST)),
        ("sort:agentId:desc,modified", replace(NONE, sort="agentId:DESC,metadata.modifiedAt:DESC")),
        ("fields:id,MESSAGE", replace(NONE, fields=("id", "message"))),
        ("tenant:ACME", replace(NONE, tenant="acme")),
        ("refund status:ok order", replace(NONE, words=("refund", "order"), statuses=("success",))),
        ("q:status:FAILURE agentId:x", replace(NONE, raw_q="status:FAILURE agentId:x")),
        ("size:5 q:a:(1 AND 2)", replace(NONE, size=5, raw_q="a:(1 AND 2)")),
        ("https://example.com/a", replace(NONE, words=("https://example.com/a",))),
        ("at 10:30", replace(NONE, words=("at", "10:30"))),
    ],
)
def test_understands(typed: str, filters: Filters) -> None:
    """Filters and words in any order, as people write them."""
    assert parse_filters(typed) == filters


@pytest.mark.parametrize(
    ("typed", "problem", "advice"),
    [
        ("stauts:failure", "no such filter", "status:"),
        ("zzz:1", "no such filter", "There are status"),
        ("status:lost", "no such status", "success"),
        ("type:job", "no such type", "export"),
        ("fields:secret", "no such field", "agentId"),
        ("size:13", "size is not possible", "1 to 12"),
        ("size:0", "size is not possible", "1 to 12"),
        ("page:two", "page is not possible", "1 to 100,000"),
        ("page:1,2", "page is not possible", "1 to 100,000"),
        ("page:٣", "page is not possible", "1 to 100,000"),
        ("sort:best", "order is not possible", "newest"),
        ("status:", "filter is empty", "behind the colon"),
        ("q:", "q: is empty", "q:status"),
        ("refund q:a:b", "stands alone", "everything into it"),
        ("tenant:../x", "not a tenant name", "acme"),
    ],
)
def test_says_what_to_type_instead(typed: str, problem: str, advice: str) -> None:
    """A word that cannot be is named, with what is possible."""
    with pytest.raises(InvalidInput) as caught:
        parse_filters(typed)
    assert problem in caught.value.problem
    assert advice in caught.value.advice


@given(st.text(max_size=80))
def test_understands_or_says_so(typed: str) -> None:
    """Whatever is typed becomes filters or a named error, and nothing else is raised."""
    with suppress(InvalidInput):
        parse_filters(typed)


WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@given(st.lists(WORD, max_size=5), st.lists(WORD, min_size=1, max_size=3))
def test_words_stay_words(words: list[str], agents: list[str]) -> None:
    """Words and agents come out as they went in, whatever stands around them."""
    typed = f"{' '.join(words)} agent:{','.join(agents)} size:3"
    filters = parse_filters(typed)
    assert filters.words == tuple(words)
    assert filters.agents == tuple(agents)


@given(st.text(st.characters(exclude_characters='"“”„‟«»'), min_size=1, max_size=30))
def test_a_phrase_is_one_word(phrase: str) -> None:
    """Between quotes nothing is a filter, and only white space is settled."""
    settled = " ".join(phrase.split())
    expected = (settled,) if settled else ()
    try:
        assert parse_filters(f'"{phrase}"').words == expected
    except InvalidInput:
        assert " q:" in f" {phrase}"


def test_names_all_filters() -> None:
    """The list of filters that help shows is the list that is understood."""
    assert set(FILTER_NAMES) == {
        "status", "type", "agent", "page", "size", "sort", "fields", "tenant", "q",
    }  # fmt: skip
