"""Agent messages as blocks: JSON, Markdown or plain text, shortened to the available space."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot.rendering.rich_text import Block, Element, blocks, code_block, section, text_length
from bot.rendering.text import ELLIPSIS, clean, head, one_line, shorten

TextKind: TypeAlias = Literal["json", "markdown", "plain"]

MAX_WRAPPINGS = 4  # a text may be encoded this many times

_FENCE = "```"
_FENCES = frozenset({_FENCE, f"{_FENCE}json"})
_WINDOWS_DRIVE = re.compile(r"\b[A-Za-z]:\\")
_ESCAPED_NEWLINE = re.compile(r"(?<!\\)\\(r\\n|n|t)")
# Each alternative begins with a character, which `re` can search for.
_MARKDOWN_WITHIN_LINE = re.compile(
    r"""\*\*\S | __\S | ~~\S | `[^`\n]+` | \]\( | <https?:
      | \*(?<![\w*]\*)[^\s*][^*\n]*\*(?![\w*]) | _(?<!\w_)[^\s_][^_\n]*_(?!\w)""",
    re.VERBOSE,
)
_MARKDOWN_AT_START = re.compile(
    r"^[ ]{0,3}(?:\#{1,6}[ ]|[-*+][ ]|\d{1,9}[.)][ ]|>|```|~~~|\|?[ ]*:?-+:?[ ]*\|)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class AgentText:
    """A cleaned text and its kind; text of kind "json" is an object or an array."""

    kind: TextKind
    words: str


def detect(text: str) -> AgentText:
    """Unwrap fences, JSON strings and escapes around `text`, and detect its kind."""
    words = clean(text).strip()
    for _ in range(MAX_WRAPPINGS):
        inner = _unfenced(words)
        parsed = _parsed(inner)
        if isinstance(parsed, dict | list):
            return AgentText("json", inner)
        unwrapped = clean(_with_line_ends(words) if parsed is None else parsed).strip()
        if unwrapped == words:
            break
        words = unwrapped
    is_markdown = _MARKDOWN_WITHIN_LINE.search(words) or _MARKDOWN_AT_START.search(words)
    return AgentText("markdown" if is_markdown else "plain", words)


def _unfenced(words: str) -> str:
    """The content of a code fence if `words` contains nothing else."""
    opening, _, rest = words.partition("\n")
    is_fenced = opening.strip().lower() in _FENCES and rest.endswith(_FENCE)
    return rest.removesuffix(_FENCE).strip() if is_fenced else words


def _parsed(words: str) -> dict[str, object] | list[object] | str | None:
    """`words` parsed as JSON, whose strings may contain line breaks; None if they are not JSON."""
    if words[:1] not in ("{", "[", '"'):
        return None
    try:
        parsed: dict[str, object] | list[object] | str = _decode(words)
    except (ValueError, RecursionError):
        return None
    return parsed


# `json.loads` creates a decoder for each call with a non-default option.
_decode = json.JSONDecoder(strict=False).decode


def _with_line_ends(words: str) -> str:
    """`words` with escaped line breaks (`\\n`) decoded if they contain no real ones."""
    if "\n" in words or "\\n" not in words or _WINDOWS_DRIVE.search(words):
        return words
    decoded = _parsed(f'"{words}"')
    if isinstance(decoded, str):
        return decoded
    return _ESCAPED_NEWLINE.sub(lambda found: "\t" if found[1] == "t" else "\n", words)


INDENT = 2
MAX_DEPTH = 20  # levels; deeper lines are not indented further

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_CLOSED_BY = {"{": "}", "[": "]"}


def pretty_json(text: str, limit: int) -> str:
    """Indent valid JSON: all of it, or a beginning of more than `limit` characters."""
    made: list[str] = []
    length = 0
    for piece in _indented(_tokens(text)):
        made.append(piece)
        length += len(piece)
        if length > limit:
            break
    return "".join(made)


def pretty_json_within(text: str, most: int) -> str:
    """Indent valid JSON, or return it unchanged if it would exceed `most` characters."""
    shown = pretty_json(text, most) if len(text) <= most else text
    return shown if len(shown) <= most else text


def _indented(tokens: Iterator[str]) -> Iterator[str]:
    depth, before = 0, ""
    for token in tokens:
        if token in ("}", "]"):
            depth -= 1
            yield token if _CLOSED_BY.get(before) == token else _line(depth) + token
        else:
            yield _line(depth) + token if before in _CLOSED_BY else token
            depth += token in _CLOSED_BY
            match token:
                case ",":
                    yield _line(depth)
                case ":":
                    yield " "
        before = token


def _line(depth: int) -> str:
    return "\n" + " " * (INDENT * min(depth, MAX_DEPTH))


def _tokens(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        yield _readable(found[0]) if "\\u" in found[0] else found[0]


def _readable(token: str) -> str:
    r"""A string with escapes such as `\u00fc` decoded, unless a character cannot be shown."""
    shown = json.dumps(_decode(token), ensure_ascii=False)
    return shown if clean(shown) == shown else token


EXCERPT_READ_LENGTH = 20_000  # characters; a longer text is not parsed as JSON
EXCERPT_LENGTH = 1000  # characters that the line is made from

# Each pattern matches only text with one of its signs; looking for a sign is faster.
# A heading is left out if the text below it begins with the same words.
_NOISE = tuple(
    (tuple(signs.split()), re.compile(pattern, re.MULTILINE), instead)
    for signs, pattern, instead in (
        ("``` ~~~", r"^[^\S\n]*(?:```|~~~).*$", " "),
        ("--", r"^(?=.*--)[ \t|:-]+$", " "),  # below the header of a table
        ("#", r"^[ \t]*#{1,6}[ \t]+(\S[^\n]*)\n\s*(?=[*_`]*\1(?!\w))", ""),
        ("# >", r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)+", ""),
        ("- * +", r"^[ \t]*[-*+][ \t]+", "• "),
        ("|", r"^[ \t]*\||\|[ \t]*$", " "),
        ("|", r"[ \t]*\|[ \t]*", " · "),
        ("](", r"!?\[([^\[\]\n]*)\]\([^()\s]*\)", r"\1"),
        ("** __ ~~ `", r"(\*\*|__|~~|`(?<!``)`{0,2}(?!`))(?=\S)(.{1,200}?)(?<=\S)\1", r"\2"),
        ("*", r"\*(?<![\w*]\*)([^\s*][^*\n]*)\*(?![\w*])", r"\1"),
    )
)


def excerpt(text: str | None, limit: int) -> str:
    """The start of `text` on one line, in at most `limit` characters; "…" marks a cut."""
    whole = text or ""
    found = detect(whole[:EXCERPT_READ_LENGTH])
    shown = _json_in_words(found.words) if found.kind == "json" else found.words[:EXCERPT_LENGTH]
    if found.kind == "markdown":
        shown = _without_noise(shown)
    if len(whole) > EXCERPT_READ_LENGTH or len(found.words) > EXCERPT_LENGTH:
        shown += ELLIPSIS
    return shorten(one_line(shown.replace("\\n", " ")), limit)


def _json_in_words(text: str) -> str:
    """Valid JSON without quotes and brackets, or a beginning: `error: late · tries: 3`."""
    made: list[str] = []
    opened: list[str] = []
    length, before = 0, ""
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in _CLOSED_BY:
            opened.append(token)
        elif token in ("}", "]"):
            start = opened.pop()
            made += [start, token] if before == start else []
        else:
            made.append(_word(token, opened[-1]))
            length += len(made[-1])
        if length > EXCERPT_LENGTH:
            break
        before = token
    return "".join(made)


def _word(token: str, container: str) -> str:
    if token.startswith('"'):
        decoded: str = clean(_decode(token) if "\\" in token else token[1:-1])
        return decoded
    return {",": ", " if container == "[" else " · ", ":": ": "}.get(token, token)


def _without_noise(words: str) -> str:
    for signs, noise, instead in _NOISE:
        if any(sign in words for sign in signs):
            words = noise.sub(instead, words)
    return words


MODAL_TEXT_LENGTH = 50_000
"""Characters that always fit into a modal. Slack: 250 kB per view."""

CARD_TEXT_LENGTH = 50_000
"""Maximum characters of a text to parse on the event loop; the whole text is sent as a file."""

MAX_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class AgentMessage:
    """Rich text in `blocks` of at most 3,000 characters; `length` is that of the whole text."""

    blocks: list[Block]
    is_whole: bool
    length: int


def agent_message_blocks(text: str | None, room: int, reads: int | None = None) -> AgentMessage:
    """At most `room` characters of `text`, cut after a paragraph, a line or a word.

    Reads at most `reads` characters; a longer text is not parsed as JSON.
    """
    found = detect((text or "")[:reads])
    whole = pretty_json(found.words, room) if found.kind == "json" else found.words
    start, is_whole = _first_part(whole, room), reads is None or len(text or "") <= reads
    return AgentMessage(
        blocks(_elements(found.kind, start)), is_whole and start == whole, len(text or "")
    )


def _elements(kind: TextKind, start: str) -> list[Element]:
    made = _ELEMENTS_BY_KIND[kind](start)
    return section(start) if made is None or _has_grown(made, start) else made


def _has_grown(made: list[Element], start: str) -> bool:
    """Whether the elements are so much longer than the text that they would not fit."""
    sent = json.dumps(made, ensure_ascii=False).encode("utf-8", "replace")
    return text_length(made) > 2 * len(start) + 200 or len(sent) > MAX_BYTES


def _first_part(words: str, room: int) -> str:
    if len(words) <= room:
        return words
    ends = (words.rfind(end, room // 2, room) for end in ("\n\n", "\n"))
    end = next((end for end in ends if end > 0), 0)
    return words[:end].rstrip() if end else head(words, room)


def _markdown_elements(start: str) -> list[Element] | None:
    from bot.rendering.markdown import from_markdown

    return from_markdown(start)


_ELEMENTS_BY_KIND: dict[TextKind, Callable[[str], list[Element] | None]] = {
    "json": code_block,
    "markdown": _markdown_elements,
    "plain": section,
}
