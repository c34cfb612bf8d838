"""Schemas of the blocks, and the surfaces that accept them."""

from __future__ import annotations

from typing import Literal

from sandbox.slack.blockkit.elements import (
    ALT_TEXT,
    ELEMENTS,
    IMAGE,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    PICTURE,
)
from sandbox.slack.blockkit.objects import ID, any_text, plain
from sandbox.slack.blockkit.rich_text import MANY, PARTS
from sandbox.slack.blockkit.schema import (
    BOOLEAN,
    Schema,
    array,
    choice,
    kind,
    only,
    shape,
    string,
    typed,
)

Surface = Literal["message", "ephemeral", "modal", "home"]
"""Messages to a single user are `ephemeral`."""

MARKDOWN_LETTERS = 12_000
"""For all markdown blocks of a message together."""

_ID = {"block_id": ID}
_TEXTS = any_text(3000)["kinds"]

SECTION = kind(
    {},
    {
        "text": any_text(3000),
        "fields": array(any_text(2000), 10),
        "accessory": IN_SECTION,
        "expand": BOOLEAN,
        **_ID,
    },
    anyOf=[{"required": ["text"]}, {"required": ["fields"]}],
    says="must define either `text` or `fields`",
)
CONTEXT = kind({"elements": array(typed({**_TEXTS, "image": IMAGE}), 10)}, _ID)
INPUT = kind(
    {"label": plain(2000), "element": IN_INPUT},
    {"hint": plain(2000), "optional": BOOLEAN, "dispatch_action": BOOLEAN, **_ID},
)
PICTURE_BLOCK = kind(
    ALT_TEXT,
    {**PICTURE, "title": plain(2000), **_ID},
    oneOf=ELEMENTS["kinds"]["image"]["oneOf"],
    says=ELEMENTS["kinds"]["image"]["says"],
)
ALERT = kind(
    {"text": any_text(200)},
    {"level": choice("default", "info", "warning", "error", "success"), **_ID},
)
RICH_TEXT = kind({"elements": array(PARTS, MANY)}, _ID)
_CELL = typed(
    {
        "raw_text": kind({"text": string(3000)}),
        "rich_text": kind({"elements": array(PARTS, MANY)}),
    }
)
_COLUMN = shape({}, {"align": choice("left", "center", "right"), "is_wrapped": BOOLEAN})
TABLE = kind({"rows": array(array(_CELL, 20), 100)}, {"column_settings": array(_COLUMN, 20), **_ID})

_CHART_LABEL = string(20)
_POINT = shape({"label": _CHART_LABEL, "value": {"type": "number"}})
_SERIES = shape({"name": _CHART_LABEL, "data": array(_POINT, 20)})
_AXES = shape(
    {"categories": array(_CHART_LABEL, 20)}, {"x_label": string(50), "y_label": string(50)}
)
_LINES = kind({"series": array(_SERIES, 6), "axis_config": _AXES})
_SEGMENT = shape({"label": _CHART_LABEL, "value": {"type": "number", "exclusiveMinimum": 0}})
CHART = kind(
    {
        "title": string(50),
        "chart": typed(
            {
                "area": _LINES,
                "bar": _LINES,
                "line": _LINES,
                "pie": kind({"segments": array(_SEGMENT, 6)}),
            }
        ),
    },
    _ID,
)

BLOCKS = typed(
    {
        "actions": kind({"elements": array(IN_ACTIONS, 25)}, _ID),
        "alert": ALERT,
        "context": CONTEXT,
        "data_visualization": CHART,
        "divider": kind({}, _ID),
        "header": kind({"text": plain(150)}, _ID),
        "image": PICTURE_BLOCK,
        "input": INPUT,
        "markdown": kind({"text": string(MARKDOWN_LETTERS)}, _ID),
        "rich_text": RICH_TEXT,
        "section": SECTION,
        "table": TABLE,
    }
)
_ANYWHERE = BLOCKS["kinds"].keys() - {"alert", "data_visualization", "markdown", "table"}
_MESSAGE = {*_ANYWHERE, "markdown", "table"}

ON_SURFACE: dict[Surface, Schema] = {
    "message": array(only(BLOCKS, *_MESSAGE, "data_visualization"), 50, least=0),
    "ephemeral": array(only(BLOCKS, *_MESSAGE), 50, least=0),
    "modal": array(only(BLOCKS, *_ANYWHERE, "alert"), 100, least=0),
    "home": array(only(BLOCKS, *_ANYWHERE), 100, least=0),
}
