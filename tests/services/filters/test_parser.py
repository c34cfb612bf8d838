"""Words and filters, however they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.filters import NEWEST_FIRST, Filters
from bot.errors import InvalidInput
from bot.services.filters.definitions import ALL_FILTERS, RAW_QUERY, Filter
from bot.services.filters.parser import parse
from bot.services.filters.tokens import TokenizedText, TypedFilter, Word, tokenize, with_quotes
from bot.slack.request import normalized
from tests.harness.outcome import outcome

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
    """A value, and a way to write it."""
    if draw(st.booleans()):
        word = draw(WORDS)
        return word, word
    odd = draw(ODD)
    return odd, quoted(odd, draw(QUOTES))


@st.composite
def written(draw: st.DrawFn) -> tuple[Word | TypedFilter, str]:
    """A word, a phrase or a filter, and a way to write it."""
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
    """Words, phrases and filters are read in any order, with spaces around commas and after colons
    and quotes of any kind, and do not change each other."""
    text = spaces.join(text for _, text in parts)
    assert tokenize(text) == TokenizedText(tuple(token for token, _ in parts))


@given(phrase=ODD, quotes=QUOTES)
def test_a_phrase_is_one_word(phrase: str, quotes: str) -> None:
    """Text in quotes is one phrase with single spaces, and no filter."""
    assert tokenize(quoted(phrase, quotes)).tokens == (Word(phrase, quoted=True),)


@given(before=st.lists(written(), max_size=3), raw=st.text(max_size=20))
def test_raw_is_all_that_follows(before: list[tuple[Word | TypedFilter, str]], raw: str) -> None:
    """The text after `q:` is unchanged, except that curly quotes become straight."""
    raw = raw.replace('"', "").translate({ord(letter): None for letter in "“”„‟«»"})
    found = tokenize(" ".join([*(text for _, text in before), f"q:{raw}"]))
    assert found == TokenizedText(tuple(token for token, _ in before), raw.strip())


@given(st.text(max_size=60), st.text(st.sampled_from('e: ,"-q\n'), max_size=40))
def test_reads_whatever_is_typed(anything: str, marks: str) -> None:
    """No letter is lost or added, except for white space, quotes, commas and colons."""
    assume(not re.search(":[a-z0-9_+'-]+:", anything))  # emoji
    for text in (anything, marks, f"{anything} {marks}"):
        assert letters(*said(tokenize(text))) == letters(text)


def said(found: TokenizedText) -> Iterator[str]:
    for token in found.tokens:
        yield from (token.text,) if isinstance(token, Word) else (token.name, *token.values)
    yield from () if found.raw is None else (RAW_QUERY, found.raw)


def letters(*texts: str) -> Counter[str]:
    """The count of each letter; names of filters are read in any case, and `_` as `-`."""
    return Counter(
        letter.lower().replace("_", "-")
        for letter in "".join(texts)
        if not letter.isspace() and letter not in "\"'`,:，：“”„‟«»‘’‚‹›"
    )


def test_an_open_quote_is_none() -> None:
    """A quote that is never closed has no effect."""
    assert tokenize('5" screen status:ok').tokens == (
        Word("5"), Word("screen"), TypedFilter("status", ("ok",)),
    )  # fmt: skip


@given(st.lists(WORDS, min_size=3, max_size=5), st.sampled_from('"“„'), st.data())
def test_quotes_are_put_around_words_although_one_is_open(
    words: list[str], mark: str, data: st.DataObject
) -> None:
    """Characters in a text can be put in quotes even if a quote before or after them is open."""
    place, end = (data.draw(st.integers(0, len(words) - 1)) for _ in range(2))
    typed = " ".join(f"{mark}{word}" if at == place else word for at, word in enumerate(words))
    start = sum(len(word) + 1 for word in words[:end]) + (place <= end)
    tokens = tokenize(with_quotes(typed, start, start + len(words[end]))).tokens
    assert tokens == tuple(Word(word, at == end) for at, word in enumerate(words))


def test_a_word_with_a_colon_is_a_filter() -> None:
    """A value with a colon must follow its colon or comma directly, or be in quotes."""
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

FAILED = replace(NONE, statuses=("failure",))


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("status=failed", FAILED),
        ("status = failed", FAILED),
        ("status : failed", FAILED),
        ("status :failed", FAILED),
        ("status：failed", FAILED),
        ("STATUS＝failed", FAILED),
        ("--status failed", FAILED),
        ("--status=failed", FAILED),
        ("--status:failed", FAILED),
        ("—status failed", FAILED),
        ("status:failed.", FAILED),
        ("status:ｆａｉｌｅｄ", FAILED),
        ("status:failed，skipped", replace(NONE, statuses=("failure", "skipped"))),
        ("late --status failed refund", replace(FAILED, words=("late", "refund"))),
        ("agent_type = fraud", replace(NONE, agent_types=("anti_fraud",))),
        ("--agent 'Complaint Agent'", replace(NONE, agents=("Complaint Agent",))),
        ("agent:'Complaint Agent'", replace(NONE, agents=("Complaint Agent",))),
        ("agent:‘Complaint Agent’ x", replace(NONE, agents=("Complaint Agent",), words=("x",))),
        ("agent:'Ms O'Neill',b", replace(NONE, agents=("Ms O'Neill", "b"))),
        ("'late refund' now", replace(NONE, words=("late refund", "now"))),
        ("the agents' '90s songs", replace(NONE, words=("the", "agents'", "'90s", "songs"))),
        ("`late refund` now", replace(NONE, words=("late refund", "now"))),
        ("```late refund``` failed", replace(NONE, words=("late refund", "failed"))),
        ("agent:`Complaint Agent`", replace(NONE, agents=("Complaint Agent",))),
        ("agent:‚A b‘,‹c›", replace(NONE, agents=("A b", "c"))),
        ("‚late refund‘", replace(NONE, words=("late refund",))),
        ("O`Neill `late", replace(NONE, words=("O`Neill", "`late"))),
        ("\"it's 'late' now\"", replace(NONE, words=("it's 'late' now",))),
        ("failed.", FAILED),
        ("Failed, skipped!", replace(NONE, statuses=("failure", "skipped"))),
        (":white_check_mark: done", replace(NONE, words=("✅", "done"))),
        ('":tada: done" :+1:', replace(NONE, words=("🎉 done", "👍"))),
        (":warning:", replace(NONE, words=("\u26a0\ufe0f",))),
        (":no_such_emoji:", replace(NONE, words=(":no_such_emoji:",))),
        ("session:<123E4567-E89B-12D3-A456-426614174000>.",
         replace(NONE, sessions=("123e4567-e89b-12d3-a456-426614174000",))),
        ("tenant:'Acme'.", replace(NONE, tenant="acme")),
        ("page:999999999999", replace(NONE, page=100_000)),
        # Words that only look similar stay words.
        ("a=b orderstatus=open", replace(NONE, words=("a=b", "orderstatus=open"))),
        ("order status : ", replace(NONE, words=("order", "status", ":"))),
        ("-status:failed", replace(NONE, words=("-status:failed",))),
        ("a ： b", replace(NONE, words=("a", "：", "b"))),
    ],
)  # fmt: skip
def test_accepts_other_spellings_of_filters(typed: str, filters: Filters) -> None:
    """Known filters, quotes and emoji are accepted in common spellings."""
    assert parse(typed).filters == filters


@given(st.sampled_from(ALL_FILTERS), st.sampled_from([" : ", " :", "=", " = ", "：", "＝"]))
def test_a_filter_with_another_mark_is_the_same(known: Filter, mark: str) -> None:
    """Each filter except `q:` can be written with spaces, an equals sign or a full-width colon."""
    name, _, value = known.example.partition(":")
    if known.name != RAW_QUERY:
        assert parse(f"{name}{mark}{value}").filters == parse(known.example).filters


DURATIONS = st.tuples(
    st.integers(1, 99).map(str), st.sampled_from(["m", "min", "h", "hours", "d", "W"])
)
AROUND = st.sampled_from(["", " ", "  ", "\n", "\u00a0"])
SPACED_COLONS = st.builds(lambda before, after: f"{before}:{after}", AROUND, AROUND)


@given(st.sampled_from(["since", "until"]), SPACED_COLONS, AROUND, DURATIONS, WORDS)
def test_spaces_in_a_duration_change_nothing(
    name: str, colon: str, space: str, duration: tuple[str, str], word: str
) -> None:
    """Spaces around the colon or before the unit change neither the time nor the words after it."""
    assume(word.lower() != "ago")
    number, unit = duration
    typed = parse(f"{name}{colon}{number}{space}{unit} {word}", date_words=False)
    usual = parse(f"{name}:{number}{unit} {word}", date_words=False)
    assert (typed.filters, typed.since, typed.until) == (usual.filters, usual.since, usual.until)


LOOSE = st.sampled_from(
    ["failed", "status=failed", "--size 5", "type : export", "yesterday", "last week", "1.11.2026",
     "since = 30 m", "show me failed jobs", "24h", "last 5 jobs"]
)  # fmt: skip


@given(st.lists(st.one_of(LOOSE, WORDS), min_size=1, max_size=4, unique=True), st.booleans())
def test_each_reading_can_be_undone(words: list[str], searched: bool) -> None:
    """The text of a reading searches for the words that were read as a filter."""
    typed = " ".join(words)
    read = partial(parse, status_words=not searched)
    found = outcome(InvalidInput, partial(read, typed))
    if isinstance(found, InvalidInput):  # more dates than can be used
        assert typed not in [proposal.line for proposal in found.proposals]
        return
    for reading in found.filters.readings:
        assert reading.searched == searched
        assert reading.typed in typed
        undone = outcome(InvalidInput, partial(read, reading.text))
        if not isinstance(undone, InvalidInput):
            assert reading.typed in undone.filters.words
            assert reading.typed not in [left.typed for left in undone.filters.readings]


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("failed", []),
        ("failed status:ok type:export", []),
        ("failed refund", [("failed", '"failed" refund')]),
        ("failed.", [("failed.", '"failed."')]),
        ("status=failed a", [("status=failed", '"status=failed" a')]),
        ("late refund last week", [("last week", 'late refund "last week"')]),
        ("since:2026-11-01 10:30", [("10:30", 'since:2026-11-01 "10:30"')]),
        ("since:last week", []),
        ("since: 30 m", []),
        ("since = 30 m a", [("since = 30 m", '"since = 30 m" a')]),
        ("yesterday failed", [("yesterday", 'failed "yesterday"')]),
        ("failed mon", [("mon", 'failed "mon"')]),
        ("mon", []),
    ],
)
def test_notes_words_read_as_filters(typed: str, readings: list[tuple[str, str]]) -> None:
    """Words that could also be search words are noted, each with a text that searches for it."""
    found = parse(typed).filters.readings
    assert [(reading.typed, reading.text) for reading in found] == readings


def test_a_search_needs_a_word() -> None:
    """In a search the first words are no statuses, and a date alone is a word."""
    assert parse("failed refund", status_words=False).filters.words == ("failed", "refund")
    assert parse("yesterday", status_words=False).filters.words == ("yesterday",)
    assert parse("refund yesterday", status_words=False).filters.words == ("refund",)


def test_a_command_adds_its_status() -> None:
    """`failed` narrows what follows, and so does the text that undoes a reading."""
    asked = parse("refund yesterday", statuses=("failure",))
    assert asked.filters == replace(FAILED, words=("refund",))
    assert [one.text for one in asked.filters.readings] == ['status:failure refund "yesterday"']
    assert parse("skipped", statuses=("failure",)).filters.statuses == ("failure", "skipped")


def test_dates_can_be_left_to_words() -> None:
    """For an alert or a digest, which covers its own times, date words are words."""
    assert parse("refund yesterday", date_words=False).filters.words == ("refund", "yesterday")


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("late stauts:failed now", ["late status:failed now", 'late "stauts:failed" now']),
        ("status:ok,faild x", ["status:ok,failed x"]),
        ("before:1.1. x", ["until:1.1. x", '"before:1.1." x']),
        ("from:monday", ["since:monday", '"from:monday"']),
        ("since:yesterdy", ["since:yesterday"]),
        ("since:lastweek refund", ['since:"last week" refund']),
        ("fields:id,mesage", ["fields:id,message"]),
        ("sort:newst", ["sort:newest"]),
        ("type = error", ['"type = error"']),
        ("Re:refund", ['"Re:refund"']),
        ("zzz:1", ['"zzz:1"']),
    ],
)
def test_proposes_the_corrected_text(typed: str, lines: list[str]) -> None:
    """A mistyped name or value comes with the whole text corrected, which is understood."""
    with pytest.raises(InvalidInput) as caught:
        parse(typed)
    proposed = [proposal.line for proposal in caught.value.proposals]
    assert proposed[: len(lines)] == lines
    for line in proposed:
        parse(line)


@given(st.text(max_size=60) | st.text(st.sampled_from("statuince:= \"'1./-—q"), max_size=40))
def test_every_proposal_is_other_text(typed: str) -> None:
    """No proposal repeats the refused text."""
    found = outcome(InvalidInput, lambda: parse(typed))
    if isinstance(found, InvalidInput):
        assert typed not in [proposal.line for proposal in found.proposals]


INVISIBLE = st.sampled_from(
    ["\u200b", "\u200e", "\u200f", "\ufeff", "\u00ad", "\u2060", "\u2068", "\u202e", "\x00"]
)
LINES = st.sampled_from(
    ["status:failed refund", "failed yesterday", "agent:'Complaint Agent'", "since:1.11. late",
     "status=failed", '"late refund" size:5', "q:status:FAILURE"]
)  # fmt: skip


@given(LINES, st.lists(st.tuples(st.integers(0, 40), INVISIBLE), max_size=4))
def test_invisible_characters_never_change_the_meaning(
    line: str, pasted: list[tuple[int, str]]
) -> None:
    """Wherever invisible characters are pasted along, the filters are the same."""
    dirty = line
    for place, character in pasted:
        dirty = f"{dirty[:place]}{character}{dirty[place:]}"
    assert repr(parse(normalized(dirty)).filters) == repr(parse(line).filters)


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
        ("agent-type:fraud check", replace(NONE, agent_types=("anti_fraud",))),
        ("agent-type:generic,Fraud Check. x",
         replace(NONE, agent_types=("generic", "anti_fraud"), words=("x",))),
        ('agent-type:fraud "check"', replace(NONE, agent_types=("anti_fraud",), words=("check",))),
        ("status:in progress", replace(NONE, statuses=("in_progress",))),
        ("type:agent chat refund", replace(NONE, types=("AGENT_CHAT",), words=("refund",))),
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
def test_parses_filters_and_words(typed: str, filters: Filters) -> None:
    """Filters and words are parsed in any order."""
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
    """`failed` is the status before all other words and without quotes."""
    found = parse(typed).filters
    assert (found.statuses, found.words) == (statuses, words)


@pytest.mark.parametrize(
    ("typed", "statuses", "words"),
    [
        ("show failed jobs", ("failure",), ()),
        ("list failed jobs refund", ("failure",), ("refund",)),
        ("Please show me all the failed and skipped jobs!", ("failure", "skipped"), ()),
        ("show  jobs failed", ("failure",), ()),
        ("show failures", ("failure",), ()),
        ("newest jobs", (), ()),
        ("any failed jobs?", ("failure",), ()),
        ("how many failed jobs", ("failure",), ()),
        ("all failed", ("failure",), ()),
        ("show failed?", ("failure",), ()),
        ("find failed refund", ("failure",), ("refund",)),
        ("failed, skipped jobs", ("failure", "skipped"), ()),
        ("today's failures", ("failure",), ()),
        ("last week failed or skipped jobs", ("failure", "skipped"), ()),
        ("last 5 failed", ("failure",), ()),
        # Other words are searched.
        ("last 5 refunds", (), ("last", "5", "refunds")),
        ("yesterday jobs-42", (), ("yesterday", "jobs-42")),
        ("jobs", (), ("jobs",)),
        ("failures", (), ("failures",)),
        ("show refunds", (), ("show", "refunds")),
        ("show jobs-42", (), ("show", "jobs-42")),
        ("the failed order", (), ("the", "failed", "order")),
        ("show failedx", (), ("show", "failedx")),
        ("show job", (), ("show", "job")),
        ('"show failed jobs"', (), ("show failed jobs",)),
        ("refund show failed jobs", (), ("refund", "show", "failed", "jobs")),
    ],
)
def test_a_request_for_a_list_is_no_search(
    typed: str, statuses: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A sentence that asks for jobs of some statuses lists them, and can be searched instead."""
    found = parse(typed).filters
    assert (found.statuses, found.words) == (statuses, words)
    asked = [reading for reading in found.readings if reading.kind == "list"]
    assert bool(asked) == (not words or words == ("refund",))
    for reading in asked:
        assert parse(reading.text).filters.words[0] == " ".join(reading.typed.split())
    assert parse(typed, status_words=False).filters.statuses == ()


@pytest.mark.parametrize(
    "typed", ["last 5", "newest 5 jobs", "top 5 failed", "show the last 5 jobs"]
)
def test_a_request_can_say_how_many(typed: str) -> None:
    """The number after `last` and similar words is the size of the page, if a page has room."""
    assert parse(typed).filters.size == 5
    assert parse(typed.replace("5", "500")).filters.size == 12


def test_a_command_and_jobs_are_a_request() -> None:
    """`failed jobs today` is the same as `failed today`."""
    asked = parse("jobs today", statuses=("failure",))
    assert (asked.filters.words, asked.filters.statuses) == ((), ("failure",))
    assert [reading.typed for reading in asked.filters.readings] == ["jobs", "today"]


def test_a_search_looks_for_every_word() -> None:
    """A search for failed is a search for the word."""
    assert parse("failed", status_words=False).filters == replace(NONE, words=("failed",))


@pytest.mark.parametrize(
    ("typed", "problem", "advice"),
    [
        ("stauts:failure", "Unknown filter", "Did you mean status:?"),
        ("agentType:generic", "Unknown filter", "Did you mean agent-type:?"),
        ("zzz:1", "Unknown filter", "The filters are status:"),
        ("Re:refund", "Unknown filter", 'put it in quotes: "re:"'),
        (
            "status:lost",
            "Unknown status",
            "Use failed, succeeded, running or skipped.",
        ),
        ("status:lost", "Unknown status", "q:status:NEW"),
        ("status:faild", "Unknown status", "Did you mean failed?"),
        ("type:job", "Unknown type", "export"),
        ("agent-type:robot", "Unknown agent type", "q:agentType:NEW"),
        ("fields:secret", "Unknown field", "agentId"),
        ("size:13", "Invalid size", "1 to 12"),
        ("size:0", "Invalid size", "1 to 12"),
        ("size:5 size:6", "used twice", "only once"),
        ("sort:oldest sort:newest", "used twice", "only once"),
        ("since:1d since:2d", "used twice", "only once"),
        ("page:two", "Invalid page", "1 to 100,000"),
        ("page:1,2", "Invalid page", "1 to 100,000"),
        ("page:٣", "Invalid page", "1 to 100,000"),
        ("sort:best", "Unknown order", "newest"),
        ("status:failed,type:export", "Unknown status", "Use failed"),
        ("status:", "filter is empty", "status:failed"),
        ('status:""', "filter is empty", "status:failed"),
        ("status: type:export", "filter is empty", "status:failed"),
        ("q:", "q: is empty", "q:status"),
        ("refund q:a:b", "can't be combined", "everything into the query"),
        ("since:1d q:a:b", "can't be combined", "everything into the query"),
        ("failed q:a:b", "can't be combined", "everything into the query"),
        ("tenant:../x", "isn't a tenant name", "acme"),
    ],
)
def test_an_error_has_the_valid_values(typed: str, problem: str, advice: str) -> None:
    """An invalid value is named, with the valid ones."""
    with pytest.raises(InvalidInput) as caught:
        parse(typed)
    assert problem in caught.value.problem
    assert advice in caught.value.advice


WITH_WORDS = [known for known in ALL_FILTERS if known.name in ("status", "type", "agent-type")]


@pytest.mark.parametrize("known", ALL_FILTERS, ids=lambda known: known.name)
def test_no_text_has_a_code_of_emporix(known: Filter) -> None:
    """Help, advice and proposals of each filter name the words that people type, not codes."""
    found = outcome(InvalidInput, lambda: parse(f"{known.name}:nonsense"))
    texts = [known.meaning, known.example]
    if isinstance(found, InvalidInput):
        texts += [found.advice, *(proposal.line for proposal in found.proposals)]
    assert not re.search(r"[a-z]_[a-z]", " ".join(texts))


@pytest.mark.parametrize("known", WITH_WORDS, ids=lambda known: known.name)
def test_the_words_of_an_advice_are_understood(known: Filter) -> None:
    """Each word that an advice names is a value of the filter, and so is each proposal."""
    with pytest.raises(InvalidInput) as caught:
        parse(f"{known.name}:nonsense")
    _, _, names = caught.value.advice.partition("Use ")
    for word in re.split(", | or ", names.partition(".")[0]):
        parse(f"{known.name}:{word}")
    for slip in ("faild", "runing", "agent_chta", "in_progres", "anti_frau", "fraud_chek", "imprt"):
        found = outcome(InvalidInput, partial(parse, f"{known.name}:{slip}"))
        if isinstance(found, InvalidInput):
            for proposal in found.proposals:
                assert "_" not in proposal.line
                parse(proposal.line)


@given(st.text(max_size=80) | st.text(st.sampled_from('status:q , "“”failed\n-_'), max_size=60))
def test_any_text_is_parsed_or_refused_with_advice(typed: str) -> None:
    """Any text becomes filters, or an error with advice."""
    try:
        parse(typed)
    except InvalidInput as error:
        problem = error
    else:
        return
    assert problem.advice


@pytest.mark.parametrize("known", ALL_FILTERS, ids=lambda known: known.name)
def test_every_example_is_understood(known: Filter) -> None:
    """Each example in the help can be typed as it is, and uses its filter."""
    assert known.example.startswith(f"{known.name}:")
    asked = parse(known.example)
    assert asked != parse("")
    assert asked.filters.words == ()


def test_names_all_filters() -> None:
    """The app has exactly the documented filters."""
    assert {known.name for known in ALL_FILTERS} == {
        "status", "type", "agent", "agent-type", "event", "session", "since", "until",
        "sort", "size", "page", "tenant", "fields", "q",
    }  # fmt: skip
