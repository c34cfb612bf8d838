"""Text that people type or paste, normalized where it enters: commands, forms and option search."""

from __future__ import annotations

import re
import unicodedata

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))

_LINE_END = re.compile("\r\n?|[\u0085\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_JOINERS = "\u200c\u200d"
_VISIBLE = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")
"""Format characters (category Cf) that are drawn: signs before Arabic and other numbers."""

_USELESS_JOINER = re.compile(
    rf"(?<![^\x00-\x7f\s])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f\s])|(?<=[{_JOINERS}])[{_JOINERS}]+"
)


def normalized(text: str) -> str:
    """`text` as it looks: composed (NFC), and without characters that nobody can see.

    Invisible characters come along when people paste, and make a word unlike the one it looks like:
    zero-width spaces, marks of direction, soft hyphens, control characters. Two of them mean
    something within words and emoji, and stay there: ZERO WIDTH (NON-)JOINER between two characters
    that are not ASCII, as in Persian and in family emoji. Ids and filters are ASCII. Line ends
    become newlines, half of a surrogate pair U+FFFD. Twice gives the same as once.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", text))
    seen = "".join(filter(_is_kept, unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFC", _USELESS_JOINER.sub("", seen))


def unescaped(text: str) -> str:
    """Slack escapes three characters in messages and in the text of commands, and only these."""
    for entity, letter in _ENTITIES:
        text = text.replace(entity, letter)
    return text


def _is_kept(letter: str) -> bool:
    if letter in "\n\t" or letter in _JOINERS or letter in _VISIBLE:
        return True
    return unicodedata.category(letter) not in {"Cc", "Cf"}
