"""Valid blocks at the limits of Slack, by the rule they test."""

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

IMAGE = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "A"}

WORD = {"type": "text", "text": "one"}

LABELS = tuple(f"{place:020}" for place in range(20))

TAKEN: dict[str, list[Any]] = {
    "none": [],
    "charts": [
        chart(
            *(str(place) * 20 for place in range(6)),
            labels=LABELS,
            title="x" * 50,
            axes={"x_label": "x" * 50, "y_label": "x" * 50},
        ),
        chart(chart={"type": "bar"}, block_id="second"),
    ],
    "area and pie": [chart(chart={"type": "area"}), pie(1, 2.5, 3, 4, 5, 6)],
    "section": [section("x" * 3000)],
    "fields": [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    "emoji and verbatim": [
        {"type": "header", "text": {**plain(), "emoji": True}},
        {"type": "section", "text": {**mrkdwn(), "verbatim": True}},
    ],
    "header": [{"type": "header", "text": plain("x" * 150)}],
    "context": [{"type": "context", "elements": [IMAGE, *[mrkdwn()] * 9]}],
    "divider": [{"type": "divider", "block_id": "line"}],
    "image": [{**IMAGE, "title": plain()}],
    "25 buttons": [actions(*[button(action_id=str(n), value="x" * 2000) for n in range(25)])],
    "button": [section(accessory=button("x" * 75, url="https://e.com", style="danger"))],
    "confirm": [actions(button(confirm=confirm(style="danger")))],
    "select": [actions(element("static_select", options=[option()] * 100))],
    "groups": [
        actions(element("static_select", option_groups=[{"label": plain(), "options": [option()]}]))
    ],
    "initial": [actions(element("static_select", options=[option()], initial_option=option()))],
    "overflow": [section(accessory=element("overflow", options=[option(url="https://e.com")]))],
    "multi": [section(accessory=element("multi_static_select", options=[option()]))],
    "choices": [
        actions(
            element("checkboxes", options=[{"text": mrkdwn(), "value": "a"}]),
            element("radio_buttons", options=[option(description=plain("why"))] * 10),
        )
    ],
    "pickers": [
        actions(
            element("datepicker", initial_date="2026-11-24"),
            element("timepicker", initial_time="23:59"),
            element("conversations_select", placeholder=plain("Where")),
        )
    ],
    "people and places": [
        actions(
            element("datetimepicker", initial_date_time=1_795_503_900),
            element("external_select", initial_option=option(), min_query_length=0),
            element("users_select", initial_user="U0ADA"),
            element("channels_select", initial_channel="C0OPS"),
        )
    ],
    "number": [
        {
            "type": "input",
            "label": plain(),
            "element": element("number_input", is_decimal_allowed=True, min_value="-1.5"),
        }
    ],
    "input": [text_input(hint=plain("h"), optional=True, element={"max_length": 10})],
    "rich text": [
        rich(
            {"type": "text", "text": "bold", "style": {"bold": True}},
            {"type": "link", "url": "https://e.com"},
            {"type": "user", "user_id": "U0ADA"},
            {"type": "emoji", "name": "mag"},
            {"type": "date", "timestamp": 1, "format": "{date}"},
        )
    ],
    "list": [
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_list", "style": "bullet", "elements": rich(WORD)["elements"]}
            ],
        }
    ],
    "markdown": [{"type": "markdown", "text": "x" * 12_000}],
    "table": [table(*[[cell()] * 20] * 100)],
    "50 blocks": [{"type": "divider"}] * 50,
}
