"""Validates payloads with Block Kit libraries that others maintain: blockkit and slack_sdk.

Both check less than Slack, and partly other things than the stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from blockkit import core
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

Payload = dict[str, Any]

NEWER = frozenset({"alert", "data_visualization"})
"""Types of Slack that neither library knows yet."""

OVERSTRICT = (("min_query_length", 0),)
"""Values that blockkit refuses, although Slack documents no such limit."""

_TYPES: dict[str, Any] = {
    "actions": core.Actions,
    "button": core.Button,
    "channels_select": core.ChannelsSelect,
    "checkboxes": core.Checkboxes,
    "context": core.Context,
    "conversations_select": core.ConversationsSelect,
    "datepicker": core.DatePicker,
    "datetimepicker": core.DatetimePicker,
    "divider": core.Divider,
    "external_select": core.ExternalSelect,
    "header": core.Header,
    "home": core.Home,
    "image": core.Image,
    "input": core.Input,
    "markdown": core.Markdown,
    "modal": core.Modal,
    "mrkdwn": core.Text,
    "multi_static_select": core.MultiStaticSelect,
    "number_input": core.NumberInput,
    "overflow": core.Overflow,
    "plain_text": core.Text,
    "plain_text_input": core.PlainTextInput,
    "radio_buttons": core.RadioButtons,
    "raw_text": core.RawText,
    "rich_text": core.RichText,
    "rich_text_list": core.RichTextList,
    "rich_text_preformatted": core.RichTextPreformatted,
    "rich_text_quote": core.RichTextQuote,
    "rich_text_section": core.RichTextSection,
    "section": core.Section,
    "static_select": core.StaticSelect,
    "table": core.Table,
    "timepicker": core.TimePicker,
    "users_select": core.UsersSelect,
    # elements of rich text
    "broadcast": core.RichBroadcastEl,
    "channel": core.RichChannelEl,
    "color": core.RichColorEl,
    "date": core.RichDateEl,
    "emoji": core.RichEmojiEl,
    "link": core.RichLinkEl,
    "text": core.RichTextEl,
    "user": core.RichUserEl,
    "usergroup": core.RichUserGroupEl,
}
_FIELDS: dict[str, Any] = {
    "column_settings": core.ColumnSettings,
    "confirm": core.Confirm,
    "dispatch_action_config": core.DispatchActionConfig,
    "filter": core.ConversationFilter,
    "initial_option": core.Option,
    "initial_options": core.Option,
    "option_groups": core.OptionGroup,
    "options": core.Option,
    "slack_file": core.SlackFile,
    "style": core.RichStyle,
}


def third_party_problems(payload: Payload) -> list[str]:
    """Return what the libraries refuse in a message or a view."""
    payload = payload | {"blocks": [one for one in payload["blocks"] if one["type"] not in NEWER]}
    return [*_blockkit_problems(payload), *_slack_sdk_problems(payload)]


def _blockkit_problems(payload: Payload) -> Iterator[str]:
    shown = payload if "type" in payload else {"blocks": payload["blocks"], "text": payload["text"]}
    try:
        _component(shown, _TYPES.get(payload.get("type", ""), core.Message)).build()
    except (
        core.ComponentValidationError,
        core.FieldValidationError,
        TypeError,
        ValueError,
        KeyError,
    ) as error:
        yield f"blockkit: {error!r}"


def _component(given: Payload, made_by: Any) -> Any:
    """Build the library's object. A field that the library doesn't know is a `TypeError`."""
    elements = {"image": core.ImageEl} if given.get("type") == "context" else {}
    fields = {
        name: _loaded(name, value, elements)
        for name, value in given.items()
        if (name != "type" or made_by is core.Text) and (name, value) not in OVERSTRICT
    }
    if made_by is core.NumberInput:  # it takes numbers, and writes them as Slack's strings
        numbers = {"initial_value", "max_value", "min_value"} & fields.keys()
        fields |= {name: json.loads(fields[name]) for name in numbers}
    return made_by(**fields)


def _loaded(name: str, value: Any, types: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_loaded(name, item, types) for item in value]
    if not isinstance(value, dict):
        return value
    if "type" in value:
        kind = value["type"]
        element = core.ImageEl if name == "accessory" and kind == "image" else None
        return _component(value, element or types.get(kind) or _TYPES[kind])
    return _component(value, _FIELDS[name])


def _slack_sdk_problems(payload: Payload) -> Iterator[str]:
    try:
        for block in Block.parse_all(payload["blocks"]):
            block.to_dict()
        if "type" in payload:
            View(**payload).to_dict()
    except (SlackObjectFormationError, TypeError) as error:
        yield f"slack_sdk: {error!r}"
