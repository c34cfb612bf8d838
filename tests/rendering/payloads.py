"""Payloads of every shape that the app may send, and of sizes that Slack refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Node = dict[str, Any]
Nodes = st.SearchStrategy[Node]

_SIZES = st.sampled_from([0, 1, 3, 24, 31, 76, 101, 151, 160, 256, 301, 2001, 3001, 13_000])
_WORDS = st.sampled_from(
    ["a", "word ", " ", "é&amp;", "`code` ", "<https://a.example|b> ", "\n", "😀"]
)

words = st.builds(lambda word, size: (word * size)[:size], _WORDS, _SIZES)
plain = words.map(lambda text: {"type": "plain_text", "text": text})
mrkdwn = words.map(lambda text: {"type": "mrkdwn", "text": text})
any_text = plain | mrkdwn


def _many(parts: Nodes, *numbers: int) -> st.SearchStrategy[list[Node]]:
    """Few different parts, repeated to a number that may be too many."""
    few = st.lists(parts, min_size=1, max_size=3)
    return st.builds(lambda some, n: (some * n)[:n], few, st.sampled_from(numbers))


def _object(vital: dict[str, Any], **spare: st.SearchStrategy[Any]) -> Nodes:
    fixed = {
        key: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for key, value in vital.items()
    }
    return st.fixed_dictionaries(fixed, optional=spare)


_confirm = _object({"title": plain, "text": any_text, "confirm": plain, "deny": plain})
_option = _object({"text": plain, "value": words}, description=plain)
_button = _object(
    {"type": "button", "text": plain},
    action_id=words,
    value=words,
    url=words,
    confirm=_confirm,
    accessibility_label=words,
)
_menus = st.sampled_from(["static_select", "overflow", "radio_buttons", "checkboxes"])
_menu = _object(
    {"type": _menus, "options": _many(_option, 1, 5, 6, 11, 101)},
    initial_option=_option,
    placeholder=plain,
)
_image = _object({"type": "image", "image_url": words, "alt_text": words})
_input_element = _object(
    {"type": "plain_text_input", "action_id": words}, initial_value=words, placeholder=plain
)
element = _button | _menu


def _numbered(elements: list[Node]) -> list[Node]:
    return [part | {"action_id": f"a{place}"} for place, part in enumerate(elements)]


_rich_leaf = words.map(lambda text: {"type": "text", "text": text})
_rich_kinds = st.sampled_from(["rich_text_section", "rich_text_preformatted", "rich_text_quote"])
_rich_section = _object({"type": _rich_kinds, "elements": _many(_rich_leaf, 0, 1, 200)})
_id = {"block_id": st.sampled_from(["a", "b"]) | words}

block = st.one_of(
    _object(
        {"type": "section"},
        text=any_text,
        fields=_many(any_text, 0, 1, 10, 12),
        accessory=element | _image,
        **_id,
    ),
    _object({"type": "header", "text": plain}, **_id),
    _object({"type": "context", "elements": _many(any_text | _image, 0, 1, 10, 13)}, **_id),
    _object({"type": "actions", "elements": _many(element, 0, 1, 26).map(_numbered)}, **_id),
    _object({"type": "image", "image_url": words, "alt_text": words}, title=plain, **_id),
    _object({"type": "input", "label": plain, "element": _input_element}, hint=plain, **_id),
    _object({"type": "rich_text", "elements": _many(_rich_section, 0, 1, 3)}, **_id),
    _object({"type": "markdown", "text": words}, **_id),
    _object({"type": "divider"}, **_id),
)
blocks = _many(block, 0, 1, 3, 12, 50, 51, 130)
message = _object({}, text=words, blocks=blocks).filter(bool)
view = _object(
    {"type": st.sampled_from(["modal", "home"]), "blocks": blocks},
    title=plain,
    submit=plain,
    close=plain,
    private_metadata=st.just("x" * 3000),
)
payload = message | view
