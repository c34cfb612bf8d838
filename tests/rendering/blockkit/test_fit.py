"""Slack accepts every payload that `fit_payload` returns."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.parse import InvalidPayload
from tests.rendering.payloads import payload
from tests.rendering.slack_limits import all_texts, problems

Node = dict[str, Any]
slow = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def words(text: str, kind: str = "mrkdwn") -> Node:
    return {"type": kind, "text": text}


def section(text: str) -> Node:
    return {"type": "section", "text": words(text)}


def button(text: str = "Open", **more: Any) -> Node:
    return {"type": "button", "text": words(text, "plain_text"), **more}


def gated(*blocks: Node, text: str = "Jobs") -> list[Node]:
    fitted = fit_payload({"text": text, "blocks": list(blocks)})
    assert problems(fitted) == []
    return list(fitted["blocks"])


@slow
@given(payload)
def test_every_payload_is_within_the_limits(payload: Node) -> None:
    """Slack accepts every fitted message or view, and fitting it again changes nothing."""
    before = copy.deepcopy(payload)
    fitted = fit_payload(payload)
    assert problems(fitted) == []
    assert fit_payload(fitted) == fitted
    assert payload == before


@pytest.mark.parametrize("day", [3, None, True, "", "soon", "2026-13-01", "20261124", "2026-1-1"])
def test_an_invalid_initial_date_is_left_out(day: Any) -> None:
    """An invalid date is removed from a date picker, so that the modal can be shown."""
    (picker,) = gated_elements({"type": "datepicker", "action_id": "a", "initial_date": day})
    assert "initial_date" not in picker
    (picker,) = gated_elements({"type": "datepicker", "initial_date": "2026-11-24"})
    assert picker["initial_date"] == "2026-11-24"


def gated_elements(*elements: Node) -> list[Node]:
    (block,) = gated({"type": "actions", "elements": list(elements)})
    return list(block["elements"])


def test_a_message_within_the_limits_is_unchanged() -> None:
    """A payload within Slack's limits is not changed."""
    blocks = [
        section("x" * 3000),
        {"type": "header", "text": words("h" * 150, "plain_text")},
        {"type": "actions", "elements": [button("b" * 75, value="v" * 2000, action_id="a" * 255)]},
        {"type": "divider"},
        {"type": "something_new", "whatever": [1]},
    ]
    assert gated(*blocks) == blocks


def test_long_texts_say_that_they_were_cut() -> None:
    """Section, field, header, button and the message's own text end with an ellipsis."""
    blocks = gated(
        section("word " * 700),
        {"type": "section", "fields": [words("word " * 500)]},
        {"type": "header", "text": words("word " * 50, "plain_text")},
        {"type": "actions", "elements": [button("word " * 20)]},
    )
    assert [text[-1] for text in all_texts(blocks)] == ["…"] * 4
    assert fit_payload({"text": "word " * 700})["text"].endswith("word…")


def test_mrkdwn_is_cut_between_its_parts() -> None:
    """A link that would be cut is left out."""
    [block] = gated(section("a" * 2990 + " <https://a.example|dashboard>"))
    assert block["text"]["text"] == "a" * 2990 + "…"


@pytest.mark.parametrize(("kind", "limit"), [("", 50), ("modal", 100), ("home", 100)])
def test_too_many_blocks_are_counted(kind: str, limit: int) -> None:
    """The last block tells how many are missing, itself within the limit."""
    view = {"type": kind} if kind else {"text": "Jobs"}
    fitted = fit_payload(view | {"blocks": [section(f"{n}") for n in range(limit + 20)]})
    assert len(fitted["blocks"]) == limit
    assert fitted["blocks"][-2] == section(f"{limit - 2}")
    assert fitted["blocks"][-1]["elements"][0]["text"] == "*21 more* not shown"
    assert problems(fitted) == []


def test_too_many_fields_and_context_elements_are_counted() -> None:
    """If there are too many elements, nine are shown, and the tenth counts the others."""
    many = [words(f"{n}") for n in range(12)]
    in_section, in_context = gated(
        {"type": "section", "fields": many}, {"type": "context", "elements": many}
    )
    assert in_section["fields"][8:] == in_context["elements"][8:]
    assert [part["text"] for part in in_context["elements"][8:]] == ["8", "*3 more* not shown"]


@pytest.mark.parametrize(
    "broken",
    [
        button(" "),
        button(value="v" * 2001),
        button(url="https://a.example/" + "u" * 3000),
        button(action_id="a" * 256),
        button(confirm={"title": words(""), "text": words("x")}),
        {"type": "overflow", "options": []},
        {"type": "static_select", "options": [{"text": words("x"), "value": "v" * 151}]},
    ],
)
def test_elements_that_cannot_work_are_left_out(broken: Node) -> None:
    """An id, address or value is never cut, and nothing acts without the dialog it should ask."""
    whole = button(action_id="whole")
    assert gated({"type": "actions", "elements": [broken, whole]})[0]["elements"] == [whole]
    assert gated({"type": "actions", "elements": [broken]}, section("x")) == [section("x")]
    assert gated(section("x") | {"accessory": broken}) == [section("x")]


@pytest.mark.parametrize(
    ("kind", "most"),
    [("overflow", 5), ("radio_buttons", 10), ("checkboxes", 10), ("static_select", 100)],
)
def test_options_have_a_number(kind: str, most: int) -> None:
    """Each kind of menu keeps as many options as Slack shows, and only a choice among them."""
    options = [{"text": words(f"{n}", "plain_text"), "value": f"{n}"} for n in range(120)]
    menu = {"type": kind, "options": options, "initial_option": options[110]}
    menu["initial_options"] = [options[1], options[110]]
    [block] = gated(section("x") | {"accessory": menu})
    assert block["accessory"] == {"type": kind, "options": options[:most]} | {
        "initial_options": options[1:2]
    }


def test_grouped_options_have_their_limits() -> None:
    """Labels of groups are shortened; an initial option is kept if it is still offered."""
    option = {"text": words("x", "plain_text"), "value": "x"}
    groups = [{"label": words("g" * 80, "plain_text"), "options": [option]}]
    menu = {"type": "static_select", "option_groups": groups, "initial_option": option}
    [block] = gated(section("x") | {"accessory": menu})
    assert len(block["accessory"]["option_groups"][0]["label"]["text"]) == 75
    assert block["accessory"]["initial_option"] == option


def test_empty_texts_go() -> None:
    """Slack refuses text without a letter, so its section, field or button goes."""
    empty = {"type": "section", "fields": [words("")], "text": words(" ")}
    assert gated(empty, section("x")) == [section("x")]
    assert gated(section("x") | {"fields": [words(""), words("y")]})[0]["fields"] == [words("y")]


def test_a_message_is_never_lost() -> None:
    """If no block can be shown, the message's own text is; if there is none, an ellipsis."""
    assert gated(section(""), text="Jobs")[0]["text"]["text"] == "Jobs"
    assert gated(text="Jobs")[0]["text"]["text"] == "Jobs"
    assert gated(section(""), text="")[0]["text"]["text"] == "…"
    assert fit_payload({"text": " "}) == {"text": "…"}


def test_an_image_always_has_words() -> None:
    """An image without alt text gets an ellipsis, because Slack requires one."""
    image = {"type": "image", "image_url": "https://a.example/x.png", "alt_text": ""}
    assert gated(image) == [image | {"alt_text": "…"}]
    assert gated(image | {"image_url": "u" * 3001}, section("x")) == [section("x")]


def test_a_block_id_is_used_once() -> None:
    """A block with a repeated or too long block_id loses the id, but not its text."""
    first = section("x") | {"block_id": "job"}
    assert gated(first, first, section("y") | {"block_id": "i" * 256}) == [
        first,
        section("x"),
        section("y"),
    ]


def test_two_equal_actions_are_a_mistake_of_the_template() -> None:
    """Slack would refuse the block, and dropping one would hide the mistake."""
    with pytest.raises(InvalidPayload, match=r"jobs\.open"):
        gated({"type": "actions", "elements": [button(action_id="jobs.open")] * 2})


@pytest.mark.parametrize("key", ["private_metadata", "callback_id", "external_id"])
def test_the_state_of_a_view_is_never_cut(key: str) -> None:
    """A view whose state is too long is an error instead of being shortened."""
    with pytest.raises(InvalidPayload, match=key):
        fit_payload({"type": "modal", "blocks": [section("x")], key: "x" * 3001})


def test_a_modals_words_are_short_and_there() -> None:
    """Title and buttons take 24 letters; an empty one says at least that there is something."""
    title = words("Delete this job for ever and ever", "plain_text")
    view = fit_payload({"type": "modal", "title": title, "submit": words(""), "blocks": []})
    assert view["title"] == words("Delete this job for…", "plain_text")
    assert view["submit"] == words("…", "plain_text")
    assert problems(view) == []


def test_responses_with_views_or_options_are_fitted() -> None:
    """Responses to submissions, options and bare commands are fitted, too."""
    view = {"type": "modal", "blocks": [section("x" * 4000)]}
    fitted = fit_payload({"response_action": "update", "view": view})
    assert problems(fitted["view"]) == []
    option = {"text": words("x", "plain_text"), "value": "x"}
    assert fit_payload({"options": [option] * 101})["options"] == [option] * 100
    assert fit_payload({"options": []}) == {"options": []}
    assert fit_payload({"delete_original": True}) == {"delete_original": True}


def test_the_longest_texts_are_shortened_first() -> None:
    """Above the limit of a message, the longest texts are shortened to the same length."""
    long, short = "word " * 590, "x" * 90
    blocks = gated(*[section(long)] * 6, section(short))
    lengths = [len(text) for text in all_texts(blocks)]
    assert lengths[-1] == 90
    assert len(set(lengths[:-1])) == 1
    assert 11_000 < sum(lengths) <= 12_000


def test_blocks_go_when_shorter_texts_do_not_do() -> None:
    """No text gets shorter than people can use: then blocks go from the end, and are counted."""
    fields = {"type": "section", "fields": [words("f" * 2000)] * 10}
    blocks = gated(*[fields] * 40)
    assert all(90 <= len(text) <= 100 for text in all_texts(blocks[:-1]))
    assert len(blocks) == 13
    assert blocks[-1]["elements"][0]["text"] == "*28 more* not shown"


def test_rich_text_is_within_the_budget() -> None:
    """The elements of rich text count and are shortened like any text."""
    leaf = {"type": "text", "text": "word " * 500}
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [leaf] * 8}],
    }
    [block] = gated(rich)
    texts = list(all_texts(block))
    assert len(texts) == 8
    assert all(text.endswith("…") for text in texts)


def test_white_space_in_rich_text_is_kept() -> None:
    """White space between two rich text elements is kept; empty elements are removed."""
    leaves = [{"type": "text", "text": text} for text in ("a", " ", "", "b")]
    link = {"type": "link", "url": "https://a.example", "text": ""}
    row = {"type": "rich_text_section", "elements": [*leaves, link, {"type": "emoji", "name": "x"}]}
    [block] = gated({"type": "rich_text", "elements": [row]})
    assert [part.get("text") for part in block["elements"][0]["elements"]] == [
        "a",
        " ",
        "b",
        None,
        None,
    ]


def test_odd_parts_do_not_stop_a_message() -> None:
    """A part of no shape that Slack knows is left out, whatever it is."""
    odd: list[Any] = [
        None,
        "x",
        3,
        [],
        {"type": "section", "text": "bare"},
        {"type": "header", "text": 1},
    ]
    odd += [{"type": "context", "elements": "x"}, {"type": "rich_text", "elements": [3]}]
    assert gated(*odd, section("x")) == [section("x")]
    assert fit_payload({"text": "x", "blocks": None})["blocks"][0]["text"]["text"] == "x"
