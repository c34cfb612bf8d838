"""The example data that each template carries, so that all of them can be shown without a system.

A template begins with one or more comments of this form; the words say what the example shows:

    {# example: two jobs, one failed
    {"jobs": [{"id": "1"}, {"id": "2"}]} #}
"""

from __future__ import annotations

import json
import re
from typing import Any

from bot.say.errors import TemplateWrong
from bot.say.render import Say

_COMMENT = re.compile(r"\s*\{#-?(.*?)-?#\}", re.DOTALL)
_BEGINNING = "example:"


def examples(say: Say, name: str) -> dict[str, dict[str, Any]]:
    """What each example of `name` shows, and its facts; raises TemplateWrong without one."""
    source = say.source(name)
    found: dict[str, dict[str, Any]] = {}
    start = 0
    while comment := _COMMENT.match(source, start):
        start = comment.end()
        if comment[1].lstrip().startswith(_BEGINNING):
            line = source.count("\n", 0, comment.start(1)) + 1
            words, facts = _parsed(name, line, comment[1])
            if words in found:
                raise TemplateWrong(name, f"two examples are called {words!r}", line)
            found[words] = facts
    if not found:
        raise TemplateWrong(name, "it begins with no example: {# example: words, newline, JSON #}")
    return found


def _parsed(name: str, line: int, comment: str) -> tuple[str, dict[str, Any]]:
    words, _, data = comment.strip().removeprefix(_BEGINNING).partition("\n")
    try:
        facts = json.loads(data)
    except json.JSONDecodeError as error:
        raise TemplateWrong(
            name, f"example {words.strip()!r}: {error.msg}", line + error.lineno
        ) from None
    if not isinstance(facts, dict):
        raise TemplateWrong(name, f"example {words.strip()!r} is no JSON object", line)
    return words.strip(), facts
