"""Words and filters are told apart, however they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.filters import NEWEST_FIRST, Filters
from bot.errors import InvalidInput
from bot.services.filters.definitions import ALL_FILTERS, RAW_QUERY, Filter
from bot.services.filters.parser import TokenizedText, TypedFilter, Word, parse, tokenize

NAMES = st.sampled_from(["status", "agent-type", "event", "Session", "nonsense"])
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
ODD = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='"“”„‟«»'), min_size=1, max_size=12
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip
QUOTES = st.sampled_from(['""', "“”", "„“", "«»"])
COMMAS = st.sampled_from([",", ", ", " ,", " , ", ",,"])
COLONS = st.sampled_from([":", ": ", ":  "])
SPACES = st.sampled_from([" ", "  ", "\n", "\u00a0"])


def quoted(text: str, quotes: str) -> str:
    return f"{quotes[0]}{text}{quotes[1]}"


@st.composite
def values(draw: st.DrawFn) -> tuple[str, str]:
    """What a value is, and how somebody writes it."""
    if draw(st.booleans()):
        word = draw(WORDS)
        return word, word
    odd = draw(ODD)
    return odd, quoted(odd, draw(QUOTES))


@st.composite
def written(draw: st.DrawFn) -> tuple[Word | TypedFilter, str]:
    """A word, a phrase or a filter, and how somebody writes it."""
    kind = draw(st.sampled_from(["word", "phrase", "filter"]))
    if kind == "word":
        word = draw(WORDS)
        return Word(word), word
    if kind == "phrase":
        phrase = draw(ODD)
        return Word(phrase, quoted=True), quoted(phrase, draw(QUOTES))
    name, several = draw(NAMES), draw(st.lists(values(), min_size=1, max_size=3))
    text = draw(COMMAS).join(text for _, text in several)
    return TypedFilter(name.lower(), tuple(value for value, _ in several)), name + draw(
        COLONS
    ) + text


@given(parts=st.lists(written(), max_size=5), spaces=SPACES)
def test_all_that_was_written_is_read(
    parts: list[tuple[Word | TypedFilter, str]], spaces: str
) -> None:
    """In any order, with spaces around commas and behind colons, quotes of any kind: nothing that
    stands in one place changes what another one means."""
    text = spaces.join(text for _, text in parts)
    assert tokenize(text) == TokenizedText(tuple(token for token, _ in parts))


@given(phrase=ODD, quotes=QUOTES)
def test_a_phrase_is_one_word(phrase: str, quotes: str) -> None:
    """Between quotes nothing is a filter, and only white space is settled."""
    assert tokenize(quoted(phrase, quotes)).tokens == (Word(phrase, quoted=True),)


@given(before=st.lists(written(), max_size=3), raw=st.text(max_size=20))
def test_raw_is_all_that_follows(before: list[tuple[Word | TypedFilter, str]], raw: str) -> None:
    """Behind `q:` nothing is read, and only curly quotes are made straight."""
    raw = raw.replace('"', "").translate({ord(letter): None for letter in "“”„‟«»"})
    found = tokenize(" ".join([*(text for _, text in before), f"q:{raw}"]))
    assert found == TokenizedText(tuple(token for token, _ in before), raw.strip())


@given(st.text(max_size=60), st.text(st.sampled_from('a: ,"-q\n'), max_size=40))
def test_reads_whatever_is_typed(anything: str, marks: str) -> None:
    """No letter is lost or added but white space, quotes, commas and colons."""
    for text in (anything, marks, f"{anything} {marks}"):
        assert letters(*said(tokenize(text))) == letters(text)


def said(found: TokenizedText) -> Iterator[str]:
    for token in found.tokens:
        yield from (token.text,) if isinstance(token, Word) else (token.name, *token.values)
    yield from () if found.raw is None else (RAW_QUERY, found.raw)


def letters(*texts: str) -> Counter[str]:
    """How often each is there; names of filters are read in any case, and `_` as `-`."""
    return Counter(
        letter.lower().replace("_", "-")
        for letter in "".join(texts)
        if not letter.isspace() and letter not in '",:“”„‟«»'
    )


def test_an_open_quote_is_none() -> None:
    """A quote that is never closed keeps nothing from being read."""
    assert tokenize('5" screen status:ok').tokens == (
        Word("5"), Word("screen"), TypedFilter("status", ("ok",)),
    )  # fmt: skip


def test_what_looks_like_a_filter_is_one() -> None:
    """A value like that stands right behind its colon or comma, or in quotes."""
    assert tokenize("sort:agentId:ASC").tokens == (TypedFilter("sort", ("agentId:ASC",)),)
    assert tokenize("sort: agentId:ASC").tokens == (
        TypedFilter("sort", ()),
        TypedFilter("agentid", ("ASC",)),
    )
    assert tokenize('agent:a, "b:c"').tokens == (TypedFilter("agent", ("a", "b:c")),)
    assert tokenize("agent:a, b:c").tokens == (
        TypedFilter("agent", ("a",)),
        TypedFilter("b", ("c",)),
    )


NONE = Filters()


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("", NONE),
        ("refund", replace(NONE, words=("refund",))),
        ("late refund", replace(NONE, words=("late", "refund"))),
        ('"late refund" now', replace(NONE, words=("late refund", "now"))),
        ("“late refund”", replace(NONE, words=("late refund",))),
        ('5" screen status:ok', replace(NONE, words=("5", "screen"), statuses=("success",))),
        ("status:failure", replace(NONE, statuses=("failure",))),
        ("status:failed,ok", replace(NONE, statuses=("failure", "success"))),
        ("status:failed, skipped x", replace(NONE, statuses=("failure", "skipped"), words=("x",))),
        ("status: failed refund", replace(NONE, statuses=("failure",), words=("refund",))),
        ("status:failed, type:export", replace(NONE, statuses=("failure",), types=("EXPORT",))),
        ("status:failed status:ok", replace(NONE, statuses=("failure", "success"))),
        ("STATUS:Running", replace(NONE, statuses=("in_progress",))),
        ('status:"in progress"', replace(NONE, statuses=("in_progress",))),
        ("type:chat,export", replace(NONE, types=("AGENT_CHAT", "EXPORT"))),
        ("agent:complaint-agent", replace(NONE, agents=("complaint-agent",))),
        ('agent:"odd, name",b', replace(NONE, agents=("odd, name", "b"))),
        ("agent-type:complaint,fraud", replace(NONE, agent_types=("complaint", "anti_fraud"))),
        ("agent_type:anti-fraud", replace(NONE, agent_types=("anti_fraud",))),
        ("event:order.order-created", replace(NONE, events=("order.order-created",))),
        ("session:a,b", replace(NONE, sessions=("a", "b"))),
        ("page:2 size:5", replace(NONE, page=2, size=5)),
        ("sort:oldest", replace(NONE, sort="metadata.createdAt:ASC")),
        ("sort:newest", replace(NONE, sort=NEWEST_FIRST)),
        ("sort:agentId:desc,modified", replace(NONE, sort="agentId:DESC,metadata.modifiedAt:DESC")),
        ("fields:id,MESSAGE", replace(NONE, fields=("id", "message"))),
        ("tenant:ACME", replace(NONE, tenant="acme")),
        ("refund status:ok order", replace(NONE, words=("refund", "order"), statuses=("success",))),
        ("q:status:FAILURE agentId:x", replace(NONE, raw_q="status:FAILURE agentId:x")),
        ("size:5 q:a:(1 AND 2)", replace(NONE, size=5, raw_q="a:(1 AND 2)")),
        ("q: agentId:“a  b”", replace(NONE, raw_q='agentId:"a  b"')),
        ("q:message:~« size:5", replace(NONE, raw_q="message:~« size:5")),
        ('"see q:" now', replace(NONE, words=("see q:", "now"))),
        ("https://example.com/a", replace(NONE, words=("https://example.com/a",))),
        ("at 10:30", replace(NONE, words=("at", "10:30"))),
    ],
)  # fmt: skip
def test_understands(typed: str, filters: Filters) -> None:
    """Filters and words in any order, as people write them."""
    assert parse(typed).filters == filters


@pytest.mark.parametrize(
    ("typed", "statuses", "words"),
    [
        ("failed", ("failure",), ()),
        ("Running", ("in_progress",), ()),
        ("ok", ("success",), ()),
        ("failed refund", ("failure",), ("refund",)),
        ("failed skipped", ("failure", "skipped"), ()),
        ("size:3 failed", ("failure",), ()),
        ("failed status:ok", ("failure", "success"), ()),
        ("refund failed", (), ("refund", "failed")),
        ('"failed"', (), ("failed",)),
        ("error 500", (), ("error", "500")),
    ],
)
def test_status_words(typed: str, statuses: tuple[str, ...], words: tuple[str, ...]) -> None:
    """In front of all other words, and not in quotes, `failed` means the status."""
    found = parse(typed).filters
    assert (found.statuses, found.words) == (statuses, words)


def test_a_search_looks_for_every_word() -> None:
    """`jobs search failed` looks for "failed"."""
    assert parse("failed", status_words=False).filters == replace(NONE, words=("failed",))


@pytest.mark.parametrize(
    ("typed", "problem", "advice"),
    [
        ("stauts:failure", "Unknown filter", "Did you mean status:?"),
        ("agentType:generic", "Unknown filter", "Did you mean agent-type:?"),
        ("zzz:1", "Unknown filter", "There are status:"),
        ("Re:refund", "Unknown filter", 'put it into quotes: "re:"'),
        (
            "status:lost",
            "Unknown status",
            "Use one of success, failure, in_progress and skipped.",
        ),
        ("status:lost", "Unknown status", "q:status:NEW"),
        ("status:faild", "Unknown status", "Did you mean failed?"),
        ("type:job", "Unknown type", "export"),
        ("agent-type:robot", "Unknown agent type", "q:agentType:NEW"),
        ("fields:secret", "Unknown field", "agentId"),
        ("size:13", "size is not possible", "1 to 12"),
        ("size:0", "size is not possible", "1 to 12"),
        ("size:5 size:6", "used twice", "only once"),
        ("sort:oldest sort:newest", "used twice", "only once"),
        ("since:1d since:2d", "used twice", "only once"),
        ("page:two", "page is not possible", "1 to 100,000"),
        ("page:1,2", "page is not possible", "1 to 100,000"),
        ("page:٣", "page is not possible", "1 to 100,000"),
        ("sort:best", "order is not possible", "newest"),
        ("status:failed,type:export", "Unknown status", "Use one of success"),
        ("status:", "filter is empty", "status:failed"),
        ('status:""', "filter is empty", "status:failed"),
        ("status: type:export", "filter is empty", "status:failed"),
        ("q:", "q: is empty", "q:status"),
        ("refund q:a:b", "stands alone", "everything into it"),
        ("since:1d q:a:b", "stands alone", "everything into it"),
        ("failed q:a:b", "stands alone", "everything into it"),
        ("tenant:../x", "not a tenant name", "acme"),
    ],
)
def test_says_what_to_type_instead(typed: str, problem: str, advice: str) -> None:
    """A word that cannot be is named, with what is possible."""
    with pytest.raises(InvalidInput) as caught:
        parse(typed)
    assert problem in caught.value.problem
    assert advice in caught.value.advice


@given(st.text(max_size=80) | st.text(st.sampled_from('status:q , "“”failed\n-_'), max_size=60))
def test_understands_or_says_so(typed: str) -> None:
    """Whatever is typed becomes filters or a named error."""
    try:
        parse(typed)
    except InvalidInput as error:
        problem = error
    else:
        return
    assert problem.advice


@pytest.mark.parametrize("known", ALL_FILTERS, ids=lambda known: known.name)
def test_every_example_is_understood(known: Filter) -> None:
    """What help shows can be typed as it is, and asks for something by that filter."""
    assert known.example.startswith(f"{known.name}:")
    asked = parse(known.example)
    assert asked != parse("")
    assert asked.filters.words == ()


def test_names_all_filters() -> None:
    """The filters that are understood are those that were promised."""
    assert {known.name for known in ALL_FILTERS} == {
        "status", "type", "agent", "agent-type", "event", "session", "since", "until",
        "sort", "size", "page", "tenant", "fields", "q",
    }  # fmt: skip
