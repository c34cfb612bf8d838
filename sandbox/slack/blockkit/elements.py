"""Schemas of the block elements, and the blocks that accept them."""

from __future__ import annotations

from sandbox.slack.blockkit.objects import (
    CONFIRM,
    CONVERSATION_FILTER,
    DISPATCH_ACTION,
    ID,
    LINK_OPTION,
    OPTION_GROUP,
    PLAIN_OPTION,
    RICH_OPTION,
    SLACK_FILE,
    STYLE,
    plain,
)
from sandbox.slack.blockkit.schema import (
    BOOLEAN,
    array,
    kind,
    number,
    only,
    string,
    typed,
    url,
)

_COMMON = {"action_id": ID, "confirm": CONFIRM}
_FOCUSED = {**_COMMON, "focus_on_load": BOOLEAN}
_PLACED = {**_FOCUSED, "placeholder": plain(150)}
_OPTIONS = {"options": array(PLAIN_OPTION, 100), "option_groups": array(OPTION_GROUP, 100)}
_ONE_LIST = {
    "oneOf": [{"required": ["options"]}, {"required": ["option_groups"]}],
    "says": "must define either `options` or `option_groups`",
}
_ONE_PICTURE = {
    "oneOf": [{"required": ["image_url"]}, {"required": ["slack_file"]}],
    "says": "must define either `image_url` or `slack_file`",
}
PICTURE = {"image_url": url(), "slack_file": SLACK_FILE}
ALT_TEXT = {"alt_text": string(2000)}

IMAGE = kind(ALT_TEXT, PICTURE, **_ONE_PICTURE)
BUTTON = kind(
    {"text": plain(75)},
    {
        **_COMMON,
        "url": url(),
        "value": string(2000),
        "style": STYLE,
        "accessibility_label": string(75),
    },
)
STATIC_SELECT = kind({}, {**_PLACED, **_OPTIONS, "initial_option": PLAIN_OPTION}, **_ONE_LIST)
MULTI_STATIC_SELECT = kind(
    {},
    {
        **_PLACED,
        **_OPTIONS,
        "initial_options": array(PLAIN_OPTION, 100),
        "max_selected_items": number(1, 100),
    },
    **_ONE_LIST,
)
OVERFLOW = kind({"options": array(LINK_OPTION, 5)}, _COMMON)
CHECKBOXES = kind(
    {"options": array(RICH_OPTION, 10)}, {**_FOCUSED, "initial_options": array(RICH_OPTION, 10)}
)
RADIO_BUTTONS = kind(
    {"options": array(RICH_OPTION, 10)}, {**_FOCUSED, "initial_option": RICH_OPTION}
)
PLAIN_TEXT_INPUT = kind(
    {},
    {
        "action_id": ID,
        "initial_value": string(3000, shortest=0),
        "multiline": BOOLEAN,
        "min_length": number(0, 3000),
        "max_length": number(1, 3000),
        "dispatch_action_config": DISPATCH_ACTION,
        "focus_on_load": BOOLEAN,
        "placeholder": plain(150),
    },
)
DATEPICKER = kind(
    {}, {**_PLACED, "initial_date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}}
)
TIMEPICKER = kind(
    {},
    {
        **_PLACED,
        "initial_time": {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"},
        "timezone": string(100),
    },
)
DATETIMEPICKER = kind({}, {**_FOCUSED, "initial_date_time": number(1_000_000_000, 9_999_999_999)})
NUMBER_INPUT = kind(
    {"is_decimal_allowed": BOOLEAN},
    {
        "action_id": ID,
        **dict.fromkeys(("initial_value", "min_value", "max_value"), string(20)),
        "dispatch_action_config": DISPATCH_ACTION,
        "focus_on_load": BOOLEAN,
        "placeholder": plain(150),
    },
)
EXTERNAL_SELECT = kind(
    {}, {**_PLACED, "initial_option": PLAIN_OPTION, "min_query_length": number(0, 3000)}
)
USERS_SELECT = kind({}, {**_PLACED, "initial_user": string(255)})
CHANNELS_SELECT = kind(
    {}, {**_PLACED, "initial_channel": string(255), "response_url_enabled": BOOLEAN}
)
CONVERSATIONS_SELECT = kind(
    {},
    {
        **_PLACED,
        "initial_conversation": string(255),
        "default_to_current_conversation": BOOLEAN,
        "response_url_enabled": BOOLEAN,
        "filter": CONVERSATION_FILTER,
    },
)

ELEMENTS = typed(
    {
        "button": BUTTON,
        "channels_select": CHANNELS_SELECT,
        "checkboxes": CHECKBOXES,
        "conversations_select": CONVERSATIONS_SELECT,
        "datepicker": DATEPICKER,
        "datetimepicker": DATETIMEPICKER,
        "external_select": EXTERNAL_SELECT,
        "image": IMAGE,
        "multi_static_select": MULTI_STATIC_SELECT,
        "number_input": NUMBER_INPUT,
        "overflow": OVERFLOW,
        "plain_text_input": PLAIN_TEXT_INPUT,
        "radio_buttons": RADIO_BUTTONS,
        "static_select": STATIC_SELECT,
        "timepicker": TIMEPICKER,
        "users_select": USERS_SELECT,
    }
)
_PICKERS = (
    "channels_select",
    "checkboxes",
    "conversations_select",
    "datepicker",
    "external_select",
    "radio_buttons",
    "static_select",
    "timepicker",
    "users_select",
)
_FIELDS = ("datetimepicker", "multi_static_select", "number_input", "plain_text_input")
IN_ACTIONS = only(ELEMENTS, "button", "datetimepicker", "overflow", *_PICKERS)
IN_SECTION = only(ELEMENTS, "button", "image", "multi_static_select", "overflow", *_PICKERS)
IN_INPUT = only(ELEMENTS, *_FIELDS, *_PICKERS)
