"""Words and filters are told apart, however they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from bot.services.filters.tokens import RAW, Given, Typed, Word, typed

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
def written(draw: st.DrawFn) -> tuple[Word | Given, str]:
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
    return Given(name.lower(), tuple(value for value, _ in several)), name + draw(COLONS) + text


@given(parts=st.lists(written(), max_size=5), spaces=SPACES)
def test_all_that_was_written_is_read(parts: list[tuple[Word | Given, str]], spaces: str) -> None:
    """In any order, with spaces around commas and behind colons, quotes of any kind: nothing that
    stands in one place changes what another one means."""
    text = spaces.join(text for _, text in parts)
    assert typed(text) == Typed(tuple(token for token, _ in parts))


@given(phrase=ODD, quotes=QUOTES)
def test_a_phrase_is_one_word(phrase: str, quotes: str) -> None:
    """Between quotes nothing is a filter, and only white space is settled."""
    assert typed(quoted(phrase, quotes)).tokens == (Word(phrase, quoted=True),)


@given(before=st.lists(written(), max_size=3), raw=st.text(max_size=20))
def test_raw_is_all_that_follows(before: list[tuple[Word | Given, str]], raw: str) -> None:
    """Behind `q:` nothing is read, and only curly quotes are made straight."""
    raw = raw.replace('"', "").translate({ord(letter): None for letter in "“”„‟«»"})
    found = typed(" ".join([*(text for _, text in before), f"q:{raw}"]))
    assert found == Typed(tuple(token for token, _ in before), raw.strip())


@given(st.text(max_size=60), st.text(st.sampled_from('a: ,"-q\n'), max_size=40))
def test_reads_whatever_is_typed(anything: str, marks: str) -> None:
    """No letter is lost or added but white space, quotes, commas and colons."""
    for text in (anything, marks, f"{anything} {marks}"):
        assert letters(*said(typed(text))) == letters(text)


def said(found: Typed) -> Iterator[str]:
    for token in found.tokens:
        yield from (token.text,) if isinstance(token, Word) else (token.name, *token.values)
    yield from () if found.raw is None else (RAW, found.raw)


def letters(*texts: str) -> Counter[str]:
    """How often each is there; names of filters are read in any case, and `_` as `-`."""
    return Counter(
        letter.lower().replace("_", "-")
        for letter in "".join(texts)
        if not letter.isspace() and letter not in '",:“”„‟«»'
    )


def test_an_open_quote_is_none() -> None:
    """A quote that is never closed keeps nothing from being read."""
    assert typed('5" screen status:ok').tokens == (
        Word("5"), Word("screen"), Given("status", ("ok",)),
    )  # fmt: skip


def test_what_looks_like_a_filter_is_one() -> None:
    """A value like that stands right behind its colon or comma, or in quotes."""
    assert typed("sort:agentId:ASC").tokens == (Given("sort", ("agentId:ASC",)),)
    assert typed("sort: agentId:ASC").tokens == (Given("sort", ()), Given("agentid", ("ASC",)))
    assert typed('agent:a, "b:c"').tokens == (Given("agent", ("a", "b:c")),)
    assert typed("agent:a, b:c").tokens == (Given("agent", ("a",)), Given("b", ("c",)))
