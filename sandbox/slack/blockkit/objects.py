"""Schemas of composition objects: texts, options and confirm dialogs, with Slack's limits."""

from __future__ import annotations

from sandbox.slack.blockkit.schema import (
    BOOLEAN,
    Schema,
    array,
    choice,
    kind,
    shape,
    string,
    typed,
    url,
)

ID = string(255)
STYLE = choice("primary", "danger")


def plain(longest: int) -> Schema:
    return typed({"plain_text": kind({"text": string(longest)}, {"emoji": BOOLEAN})})


def mrkdwn(longest: int) -> Schema:
    return typed({"mrkdwn": kind({"text": string(longest)}, {"verbatim": BOOLEAN})})


def any_text(longest: int) -> Schema:
    return typed(plain(longest)["kinds"] | mrkdwn(longest)["kinds"])


def option(text: Schema, more: dict[str, Schema] | None = None) -> Schema:
    """An option. Its description has the same kind of text as `text`."""
    return shape({"text": text, "value": string(150)}, {"description": text, **(more or {})})


PLAIN_OPTION = option(plain(75))
LINK_OPTION = option(plain(75), {"url": url()})
RICH_OPTION = option(any_text(75))

OPTION_GROUP = shape({"label": plain(75), "options": array(PLAIN_OPTION, 100)})

CONFIRM = shape(
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": STYLE},
)

SLACK_FILE = {
    "oneOf": [shape({"id": string(255)}), shape({"url": url()})],
    "says": "must define either `id` or `url`",
}

CONVERSATION_FILTER = shape(
    {},
    {
        "include": array(choice("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": BOOLEAN,
        "exclude_bot_users": BOOLEAN,
    },
)

DISPATCH_ACTION = shape(
    {},
    {"trigger_actions_on": array(choice("on_enter_pressed", "on_character_entered"), 2)},
)
