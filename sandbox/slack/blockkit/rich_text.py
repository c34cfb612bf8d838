"""Schemas of the rich_text block and its elements."""

from __future__ import annotations

from sandbox.slack.blockkit.schema import (
    BOOLEAN,
    Schema,
    array,
    choice,
    kind,
    number,
    only,
    shape,
    string,
    typed,
    url,
)

MANY = 1000

_STYLE = shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), BOOLEAN))
_MENTION_STYLE = shape(
    {},
    dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), BOOLEAN),
)
_STYLED = {"style": _STYLE}
_MENTIONED = {"style": _MENTION_STYLE}

LEAVES = typed(
    {
        "broadcast": kind({"range": choice("here", "channel", "everyone")}),
        "channel": kind({"channel_id": string(255)}, _MENTIONED),
        "color": kind({"value": string(20)}),
        "date": kind(
            {"timestamp": {"type": "integer"}, "format": string(3000)},
            {"url": url(), "fallback": string(3000)},
        ),
        "emoji": kind({"name": string(255)}, {"unicode": string(255), **_STYLED}),
        "link": kind({"url": url()}, {"text": string(3000), "unsafe": BOOLEAN, **_STYLED}),
        "text": kind({"text": string(12000)}, _STYLED),
        "user": kind({"user_id": string(255)}, _MENTIONED),
        "usergroup": kind({"usergroup_id": string(255)}, _MENTIONED),
    }
)

_SECTION = kind({"elements": array(LEAVES, MANY)})
_BORDER = {"border": number(0, 1)}

PARTS: Schema = typed(
    {
        "rich_text_section": _SECTION,
        "rich_text_list": kind(
            {
                "style": choice("bullet", "ordered"),
                "elements": array(typed({"rich_text_section": _SECTION}), MANY),
            },
            {"indent": number(0, 8), "offset": number(0, MANY), **_BORDER},
        ),
        "rich_text_preformatted": kind(
            {"elements": array(only(LEAVES, "text", "link"), MANY)},
            {"language": string(255), **_BORDER},
        ),
        "rich_text_quote": kind({"elements": array(LEAVES, MANY)}, _BORDER),
    }
)
