"""Strategies for hostile text, and helpers to render it."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st
from jinja2 import DictLoader

from bot.rendering.environment import environment
from bot.rendering.parse import parse_payload

NOT_SENDABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ufdd0-\ufdef\ufffe\uffff\U0001fffe\U0010ffff\ud800-\udfff]"
)

_SIGNS = ('"', "'", "\\", "`", "```", "*", "_", "|", "^", "&", "&lt;", "<", ">", "]}", '", "x": "')
_SPACES = (" ", "\n", "\r\n", "\t")
_MENTIONS = (
    "<!channel>",
    "<!here|x>",
    "<@U1>",
    "<#C1>",
    "<!subteam^S1>",
    "<!subteam^S1|@ops>",
    "<https://evil.example|x>",
    "<!date^1^{x}|y>",
)
_CODE = ("{{ 7 * 7 }}", "{% raw %}", "{#", "#}", ":smile:", "null", "javascript:alert(1)")
_UNSEEN = (
    "\x00",
    "\x1b",
    "\u202e",
    "\u2066",
    "\ufdd0",
    "\ufdd1",
    "\ufdd2",
    "\uffff",
    "\ud83d",
    "\udc00",
)
_WORDS = (
    "https://a.example/",
    "HTTP://a b>",
    "e\u0301",
    "👍🏽",
    "ok",
    "2025-07-25T10:30:27Z",
    "a" * 200,
)
_PIECES = st.sampled_from([*_SIGNS, *_SPACES, *_MENTIONS, *_CODE, *_UNSEEN, *_WORDS])

hostile_text: st.SearchStrategy[str] = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.lists(_PIECES, max_size=12).map("".join),
    st.lists(_PIECES, min_size=1, max_size=4).map(lambda pieces: "".join(pieces) * 900),
)


def rendered(source: str, parts: dict[str, str] | None = None, /, **facts: object) -> str:
    """What the template `source` gives, before it is loaded."""
    env = environment(DictLoader({"it": source, **(parts or {})}))
    return env.get_template("it").render(facts)


def said(source: str, parts: dict[str, str] | None = None, /, **facts: object) -> dict[str, Any]:
    """The payload of the template `source`, before `fit_payload`."""
    return parse_payload(rendered(source, parts, **facts))


def mrkdwn(words: str, /, **facts: object) -> str:
    """The text that `words` give within the mrkdwn tag."""
    text = said('{"text": {% mrkdwn %}' + words + "{% endmrkdwn %}}", **facts)["text"]
    assert isinstance(text, str)
    return text


def value(expression: str, /, **facts: object) -> Any:
    """What an expression is as a JSON value."""
    return json.loads(rendered("{{ " + expression + " }}", **facts))
