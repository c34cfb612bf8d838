r"""What an agent wrote: JSON, Markdown or plain words.

Emporix hands on what a language model gave, so the same answer comes bare, fenced as ```json, as a
JSON string within JSON, or with `\n` written out in letters.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot.say.text import clean

Kind: TypeAlias = Literal["json", "markdown", "plain"]

LAYERS = 4  # how often a text may be wrapped

_FENCE = "```"
_FENCES = frozenset({_FENCE, f"{_FENCE}json"})
_DRIVE = re.compile(r"\b[A-Za-z]:\\")
_SPELLED = re.compile(r"(?<!\\)\\(r\\n|n|t)")
_SIGNS = re.compile(
    r"""^[ ]{0,3}(?: \#{1,6}[ ] | [-*+][ ] | \d{1,9}[.)][ ] | > | ``` | ~~~ | \|?[ ]*:?-+:?[ ]*\| )
      | \*\*\S | __\S | ~~\S | `[^`\n]+` | \]\( | <https?:
      | (?<![\w*])\*[^\s*][^*\n]*\*(?![\w*]) | (?<!\w)_[^\s_][^_\n]*_(?!\w)""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class AgentText:
    """`words` are cleaned; those of kind "json" are an object or an array."""

    kind: Kind
    words: str


def read(text: str) -> AgentText:
    """What `text` is, out of its wrappings; nothing that it says is left out."""
    words = clean(text).strip()
    for _ in range(LAYERS):
        inner = _unfenced(words)
        parsed = _parsed(inner)
        if isinstance(parsed, dict | list):
            return AgentText("json", inner)
        unwrapped = clean(_with_line_ends(words) if parsed is None else parsed).strip()
        if unwrapped == words:
            break
        words = unwrapped
    return AgentText("markdown" if _SIGNS.search(words) else "plain", words)


def _unfenced(words: str) -> str:
    """What stands in a fence, where that is all there is."""
    opening, _, rest = words.partition("\n")
    is_fenced = opening.strip().lower() in _FENCES and rest.endswith(_FENCE)
    return rest.removesuffix(_FENCE).strip() if is_fenced else words


def _parsed(words: str) -> dict[str, object] | list[object] | str | None:
    """The JSON that `words` are, with line ends in its strings or without; None for none."""
    if words[:1] not in ("{", "[", '"'):
        return None
    try:
        parsed: dict[str, object] | list[object] | str = json.loads(words, strict=False)
    except (ValueError, RecursionError):
        return None
    return parsed


def _with_line_ends(words: str) -> str:
    """Line ends that were written out in letters, in a text that has no real ones."""
    if "\n" in words or "\\n" not in words or _DRIVE.search(words):
        return words
    decoded = _parsed(f'"{words}"')
    if isinstance(decoded, str):
        return decoded
    return _SPELLED.sub(lambda found: "\t" if found[1] == "t" else "\n", words)
