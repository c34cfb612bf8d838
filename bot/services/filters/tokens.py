"""What was typed, parted into words and filters.

A filter is a name, a colon and values between commas; spaces may stand around the commas and behind
the colon. What looks like a filter begins one wherever a word could begin, except in quotes; so a
value that does must stand right behind its colon or comma, or in quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RAW = "q"

# Clients turn straight quotes into curly ones while people type.
_STRAIGHT = str.maketrans("“”„‟«»", '""""""')
_STRAIGHT_IN_RAW = str.maketrans("“”", '""')

_START = r"[A-Za-z][A-Za-z_-]*:(?!//)"  # status:   but not https://
_VALUE = rf'(?:(?<!\s)|(?!{_START}))(?:"[^"]*"|[^\s",])+'
_NAME = re.compile(_START)
_VALUES = re.compile(rf"[\s,]*{_VALUE}(?:\s*,[\s,]*{_VALUE})*(?:\s*,)*")
_ONE_VALUE = re.compile(r'(?:"[^"]*"|[^\s",])+')
_WORD = re.compile(r'"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a phrase that stood in quotes; never empty."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A filter as it was typed: `agent-type` of `Agent_Type: x`; the values may be none."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """`raw` is all behind `q:`, None where there is no `q:`."""

    tokens: tuple[Word | Given, ...]
    raw: str | None = None


def typed(text: str) -> Typed:
    """The words and filters in `text`, in their order; raises nothing."""
    plain = paired(text)
    found: list[Word | Given] = []
    at = _behind_space(plain, 0)
    while at < len(plain):
        if name := _NAME.match(plain, at):
            if _settled(name[0]) == RAW:
                raw = text[name.end() :].translate(_STRAIGHT_IN_RAW).strip()
                return Typed(tuple(found), raw)
            values = _VALUES.match(plain, name.end())
            found.append(Given(_settled(name[0]), _parted(values[0] if values else "")))
            at = _behind_space(plain, values.end() if values else name.end())
        else:
            word = _WORD.match(plain, at)
            assert word is not None  # noqa: S101 - quotes come in pairs, so something always fits
            found.extend(_word(word))
            at = _behind_space(plain, word.end())
    return Typed(tuple(found))


def paired(text: str) -> str:
    """The same with straight quotes in pairs, so that what is put behind it is not drawn in."""
    return _with_pairs_only(text.translate(_STRAIGHT))


def _with_pairs_only(text: str) -> str:
    """A quote that is never closed is as good as none; each letter keeps its place."""
    if text.count('"') % 2 == 0:
        return text
    last = text.rindex('"')
    return f"{text[:last]} {text[last + 1 :]}"


def _word(found: re.Match[str]) -> list[Word]:
    quoted = found["phrase"] is not None
    text = _one_line(found["phrase"] if quoted else found["word"])
    return [Word(text, quoted)] if text else []


def _parted(values: str) -> tuple[str, ...]:
    """The alternatives between commas; a comma in quotes does not part."""
    pieces = (_one_line(piece.replace('"', "")) for piece in _ONE_VALUE.findall(values))
    return tuple(piece for piece in pieces if piece)


def _settled(name: str) -> str:
    """One spelling of a name: capitals and underscores do not matter."""
    return name.removesuffix(":").lower().replace("_", "-")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _behind_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
