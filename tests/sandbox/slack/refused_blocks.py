"""Blocks that each break one rule, with Slack's error and its JSON pointer."""

from __future__ import annotations

from typing import Any

from tests.sandbox.slack.samples import (
    actions,
    button,
    cell,
    chart,
    confirm,
    element,
    mrkdwn,
    option,
    pie,
    plain,
    rich,
    section,
    table,
    text_input,
)

ONE_OPTION = [option()]

SERIES = "/blocks/0/chart/series"

REFUSED: dict[str, tuple[list[Any], str, str]] = {
    "long chart title": (
        [chart(title="x" * 51)],
        "must be less than 51 characters",
        "/blocks/0/title",
    ),
    "no chart title": ([chart(title="")], "must be more than 0 characters", "/blocks/0/title"),
    "three charts": (
        [chart(), chart(), chart()],
        "only 2 `data_visualization` blocks are allowed",
        "/blocks",
    ),
    "unknown chart": (
        [chart(chart={"type": "radar"})],
        "unsupported type: radar",
        "/blocks/0/chart/type",
    ),
    "7 series": ([chart(*"abcdefg")], "no more than 6 items allowed", SERIES),
    "no series": ([chart(chart={"series": []})], "no less than 1 items required", SERIES),
    "series of one name": ([chart("a", "a")], 'series name "a" already exists', SERIES),
    "long series name": (
        [chart("x" * 21)],
        "must be less than 21 characters",
        f"{SERIES}/0/name",
    ),
    "21 categories": (
        [
            chart(
                labels=tuple("abcdefghijklmnopqrstu"), chart={"series": chart()["chart"]["series"]}
            )
        ],
        "no more than 20 items allowed",
        "/blocks/0/chart/axis_config/categories",
    ),
    "other categories": (
        [chart(axes={"categories": ["Tue", "Mon"]})],
        "every series must have one value for each category, in order",
        SERIES,
    ),
    "a value too few": (
        [chart(axes={"categories": ["Mon", "Tue", "Wed"]})],
        "every series must have one value for each category, in order",
        SERIES,
    ),
    "long axis label": (
        [chart(axes={"y_label": "x" * 51})],
        "must be less than 51 characters",
        "/blocks/0/chart/axis_config/y_label",
    ),
    "a string value": (
        [chart(chart={"series": [{"name": "a", "data": [{"label": "Mon", "value": "3"}]}]})],
        "must provide a number",
        f"{SERIES}/0/data/0/value",
    ),
    "an empty segment": (
        [pie(1, 0)],
        "must be more than 0",
        "/blocks/0/chart/segments/1/value",
    ),
    "7 segments": ([pie(*range(1, 8))], "no more than 6 items allowed", "/blocks/0/chart/segments"),
    "long text": (
        [section("x" * 3001)],
        "must be less than 3001 characters",
        "/blocks/0/text/text",
    ),
    "empty text": ([section("")], "must be more than 0 characters", "/blocks/0/text/text"),
    "no text": ([{"type": "section"}], "must define either `text` or `fields`", "/blocks/0"),
    "NUL": ([section("a\0b")], "invalid text", "/blocks/0/text/text"),
    "half a pair": ([section("a\ud800")], "invalid text", "/blocks/0/text/text"),
    "number for text": ([section(7)], "must provide a string", "/blocks/0/text/text"),  # type: ignore[arg-type]
    "long field": (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters",
        "/blocks/0/fields/0/text",
    ),
    "11 fields": (
        [{"type": "section", "fields": [mrkdwn()] * 11}],
        "no more than 10 items allowed",
        "/blocks/0/fields",
    ),
    "unknown block": ([{"type": "secton"}], "unsupported type: secton", "/blocks/0/type"),
    "no type": ([{}], "missing required field: type", "/blocks/0"),
    "not a block": (["hello"], "must provide an object", "/blocks/0"),
    "unknown key": ([section(colour="red")], "invalid additional property: colour", "/blocks/0"),
    "emoji on mrkdwn": (
        [{"type": "section", "text": {**mrkdwn(), "emoji": True}}],
        "invalid additional property: emoji",
        "/blocks/0/text",
    ),
    "verbatim on plain": (
        [{"type": "header", "text": {**plain(), "verbatim": True}}],
        "invalid additional property: verbatim",
        "/blocks/0/text",
    ),
    "mrkdwn header": (
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type: mrkdwn",
        "/blocks/0/text/type",
    ),
    "long header": (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters",
        "/blocks/0/text/text",
    ),
    "11 in context": (
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10 items allowed",
        "/blocks/0/elements",
    ),
    "26 buttons": (
        [actions(*[button(action_id=str(n)) for n in range(26)])],
        "no more than 25 items allowed",
        "/blocks/0/elements",
    ),
    "no elements": ([actions()], "no less than 1 items required", "/blocks/0/elements"),
    "long label": (
        [section(accessory=button("x" * 76))],
        "must be less than 76 characters",
        "/blocks/0/accessory/text/text",
    ),
    "long value": (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters",
        "/blocks/0/elements/0/value",
    ),
    "long url": (
        [actions(button(url="https://e.com/" + "x" * 3000))],
        "must be less than 3001 characters",
        "/blocks/0/elements/0/url",
    ),
    "javascript url": (
        [actions(button(url="javascript:alert(1)"))],
        "invalid url",
        "/blocks/0/elements/0/url",
    ),
    "broken url": ([actions(button(url="http://[::1"))], "invalid url", "/blocks/0/elements/0/url"),
    "style": (
        [actions(button(style="default"))],
        "must be one of: primary, danger",
        "/blocks/0/elements/0/style",
    ),
    "long accessibility label": (
        [actions(button(accessibility_label="x" * 76))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/accessibility_label",
    ),
    "long action_id": (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters",
        "/blocks/0/elements/0/action_id",
    ),
    "long block_id": (
        [section(block_id="x" * 256)],
        "must be less than 256 characters",
        "/blocks/0/block_id",
    ),
    "confirm title": (
        [section(accessory=button(confirm=confirm(title=plain("x" * 101))))],
        "must be less than 101 characters",
        "/blocks/0/accessory/confirm/title/text",
    ),
    "confirm text": (
        [actions(button(confirm=confirm(text=plain("x" * 301))))],
        "must be less than 301 characters",
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "confirm text in mrkdwn": (
        [actions(button(confirm=confirm(text=mrkdwn("*Sure?*"))))],
        "unsupported type: mrkdwn",
        "/blocks/0/elements/0/confirm/text/type",
    ),
    "confirm button": (
        [actions(button(confirm=confirm(deny=plain("x" * 31))))],
        "must be less than 31 characters",
        "/blocks/0/elements/0/confirm/deny/text",
    ),
    "confirm half": (
        [actions(button(confirm={n: t for n, t in confirm().items() if n != "text"}))],
        "missing required field: text",
        "/blocks/0/elements/0/confirm",
    ),
    "no options": (
        [actions(element("static_select"))],
        "must define either `options` or `option_groups`",
        "/blocks/0/elements/0",
    ),
    "101 options": (
        [actions(element("static_select", options=ONE_OPTION * 101))],
        "no more than 100 items allowed",
        "/blocks/0/elements/0/options",
    ),
    "6 in overflow": (
        [actions(element("overflow", options=ONE_OPTION * 6))],
        "no more than 5 items allowed",
        "/blocks/0/elements/0/options",
    ),
    "11 checkboxes": (
        [actions(element("checkboxes", options=ONE_OPTION * 11))],
        "no more than 10 items allowed",
        "/blocks/0/elements/0/options",
    ),
    "long option": (
        [actions(element("overflow", options=[option("x" * 76)]))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "long option value": (
        [actions(element("overflow", options=[option(value="x" * 151)]))],
        "must be less than 151 characters",
        "/blocks/0/elements/0/options/0/value",
    ),
    "option link in select": (
        [actions(element("static_select", options=[option(url="https://e.com")]))],
        "invalid additional property: url",
        "/blocks/0/elements/0/options/0",
    ),
    "foreign initial": (
        [
            actions(
                element("static_select", options=ONE_OPTION, initial_option=option("Other", "o"))
            )
        ],
        "initial options must be among the options",
        "/blocks/0",
    ),
    "input in actions": (
        [actions(element("plain_text_input"))],
        "unsupported type: plain_text_input",
        "/blocks/0/elements/0/type",
    ),
    "button in input": (
        [{"type": "input", "label": plain(), "element": button()}],
        "unsupported type: button",
        "/blocks/0/element/type",
    ),
    "bad date": (
        [actions(element("datepicker", initial_date="24.11.2026"))],
        "invalid format",
        "/blocks/0/elements/0/initial_date",
    ),
    "long placeholder": (
        [actions(element("datepicker", placeholder=plain("x" * 151)))],
        "must be less than 151 characters",
        "/blocks/0/elements/0/placeholder/text",
    ),
    "long min_length": (
        [text_input(element={"min_length": 3001})],
        "must be no more than 3000",
        "/blocks/0/element/min_length",
    ),
    "no alt text": (
        [{"type": "image", "image_url": "https://e.com/a.png"}],
        "missing required field: alt_text",
        "/blocks/0",
    ),
    "no picture": (
        [{"type": "image", "alt_text": "A"}],
        "must define either `image_url` or `slack_file`",
        "/blocks/0",
    ),
    "broadcast leaf": (
        [rich({"type": "broadcast", "range": "all"})],
        "must be one of: here, channel, everyone",
        "/blocks/0/elements/0/elements/0/range",
    ),
    "empty rich text": (
        [rich({"type": "text", "text": ""})],
        "must be more than 0 characters",
        "/blocks/0/elements/0/elements/0/text",
    ),
    "long markdown": (
        [{"type": "markdown", "text": "x" * 6001}] * 2,
        "`markdown` blocks must be less than 12001 characters together",
        "/blocks",
    ),
    "101 rows": ([table(*[[cell()]] * 101)], "no more than 100 items allowed", "/blocks/0/rows"),
    "21 cells": ([table([cell()] * 21)], "no more than 20 items allowed", "/blocks/0/rows/0"),
    "two tables": ([table([cell()])] * 2, "only one `table` block is allowed", "/blocks"),
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed", "/blocks"),
    "block_id twice": (
        [section(block_id="a"), section(block_id="a")],
        '`block_id` "a" already exists',
        "/blocks",
    ),
    "action_id twice": (
        [actions(button(), button())],
        '`action_id` "jobs.open" already exists for the given `block_id`',
        "/blocks/0",
    ),
}
