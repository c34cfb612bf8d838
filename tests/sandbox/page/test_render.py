"""The page renders every block that Slack accepts, and external text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering.renderer import Renderer
from sandbox.page.render import TEMPLATES, UnknownBlockType, draw
from sandbox.slack.blockkit.blocks import BLOCKS
from sandbox.slack.blockkit.elements import ELEMENTS
from sandbox.slack.blockkit.rich_text import LEAVES, PARTS
from sandbox.slack.generated_ids import view_with_generated_ids
from sandbox.slack.inputs import initial_state
from sandbox.slack.views import View
from tests.rendering.hostile import hostile_text
from tests.sandbox.page.page_html import drawn, reader, seen
from tests.sandbox.slack.samples import actions, button, confirm, element, option, plain, section
from tests.sandbox.slack.taken_blocks import TAKEN
from tests.test_templates import EXAMPLES, with_bad_values

RENDERER = Renderer.default()
each_example = pytest.mark.parametrize(("name", "facts"), EXAMPLES)

SOURCES = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
OURS = set(re.findall(r"<([a-z][a-z0-9]*)", SOURCES))
OF_WORDS = {"b", "i", "s", "u", "code", "pre", "a", "span", "blockquote"}
OF_MARKDOWN = {
    "em",
    "strong",
    "thead",
    "tbody",
    "th",
    "td",
    "ul",
    "ol",
    "br",
    "h1",
    "h3",
    "h5",
    "h6",
}
TAGS = OURS | OF_WORDS | OF_MARKDOWN


def shown(payload: dict[str, Any]) -> str:
    """Render a message or view; empty for a response that shows nothing itself."""
    if payload.get("type") == "modal":
        content = view_with_generated_ids(payload)
        state = initial_state(content["blocks"])
        view = View("V1", "U0ADA", "V1", None, content, "1", state)
        return draw("modal", view=view, errors={}, keys=(), reader=reader())
    return drawn(payload.get("blocks", []))


def assert_harmless(html: str) -> None:
    """Assert that there is no tag or attribute that the page's templates don't write."""
    page = seen(html)
    assert {tag for tag, _ in page.tags} <= TAGS
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        if "href" in attributes:
            address = str(attributes["href"]).lower()
            is_channel = "data-go" in attributes and re.fullmatch(r"/page/\w+/\w+", address)
            assert is_channel or address.startswith(("https://", "http://", "mailto:"))
        if tag == "img":
            assert str(attributes["src"]).startswith(("/page/", "http://127.0.0.1"))


@each_example
def test_every_example_is_drawn(name: str, facts: dict[str, Any]) -> None:
    """The page renders every block of the app's examples, with all of their text."""
    payload = RENDERER.render(name, **facts)
    html = shown(payload)
    assert_harmless(html)
    letters = seen(html).letters
    words = {word for text in texts(payload.get("blocks", [])) for word in words_of(text)}
    assert sorted(word for word in words if word not in letters) == []


def texts(node: Any) -> Iterator[str]:
    """Return the texts of sections, headers, contexts and buttons."""
    for block in node:
        parts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
        for part in (*parts, block.get("accessory")):
            if isinstance(part, dict) and part.get("type") in ("plain_text", "mrkdwn"):
                yield part["text"]
            elif isinstance(part, dict) and part.get("type") == "button":
                yield part["text"]["text"]


def words_of(text: str) -> list[str]:
    """Return a text without links, dates, users and emoji, which the page renders differently."""
    return re.findall(r"[^\W_]{4,}", re.sub(r"<[^<>]*>|:[a-z_0-9]+:|&\w+;", " ", text))


@each_example
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_nothing_from_outside_becomes_markup(
    name: str, facts: dict[str, Any], data: st.DataObject
) -> None:
    """External data in any example is shown as text."""
    assert_harmless(shown(RENDERER.render(name, **data.draw(with_bad_values(facts)))))


@pytest.mark.parametrize("blocks", TAKEN.values(), ids=TAKEN)
def test_everything_that_slack_accepts_is_rendered(blocks: list[Any]) -> None:
    """The page renders everything that the stand-in accepts, without omissions."""
    html = drawn(blocks)
    assert_harmless(html)
    assert len(seen(html).tags) >= len(blocks)


@pytest.mark.parametrize(
    ("folder", "kinds"),
    [
        ("blocks", BLOCKS["kinds"]),
        ("elements", ELEMENTS["kinds"]),
        ("rich", PARTS["kinds"]),
        ("rich/leaf", LEAVES["kinds"]),
    ],
)
def test_every_type_has_its_template(folder: str, kinds: dict[str, Any]) -> None:
    """Each type has a template of the same name."""
    there = {path.stem for path in (TEMPLATES / folder).glob("[!_]*.html")}
    assert there == kinds.keys()


@pytest.mark.parametrize(
    "block",
    [{"type": "carousel"}, actions(element("rich_text_input")), section(accessory=element("x"))],
)
def test_a_block_without_a_template_is_an_error(block: dict[str, Any]) -> None:
    """A block without a template raises an error."""
    with pytest.raises(UnknownBlockType, match="html"):
        drawn([block])


@settings(max_examples=50, deadline=None)
@given(hostile_text)
def test_plain_text_arrives_letter_by_letter(text: str) -> None:
    """Labels, values, placeholders and descriptions are shown as they are."""
    blocks = [
        actions(
            button(text, value=text, accessibility_label=text, confirm=confirm(text=plain(text))),
            element("static_select", placeholder=plain(text), options=[option(text, text)]),
            element("overflow", options=[option(text, text)]),
        ),
        section(accessory=element("checkboxes", options=[option(text, description=plain(text))])),
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}]]},
    ]
    assert_harmless(drawn(blocks))


@settings(max_examples=50, deadline=None)
@given(hostile_text)
def test_markdown_from_outside_never_acts(text: str) -> None:
    """HTML in Markdown is text, and no image is loaded from other hosts."""
    for words in (text, f"![x](https://e.example/{text})", f"[x](javascript:{text})", f"<b>{text}"):
        html = drawn([{"type": "markdown", "text": words}])
        assert_harmless(html)
        assert not seen(html).named("img")


def test_a_picture_of_elsewhere_is_not_loaded() -> None:
    """An image of another host is replaced by its alt text; one of this machine is shown."""
    picture = {"type": "image", "alt_text": "A chart", "image_url": "https://e.example/a.png"}
    assert "A chart" in seen(drawn([picture])).letters
    assert not seen(drawn([picture])).named("img")
    here = {**picture, "image_url": "http://127.0.0.1:8030/a.png"}
    assert seen(drawn([here])).named("img")[0]["alt"] == "A chart"


def test_every_field_has_a_label() -> None:
    """Inputs have their label, and elements in messages their placeholder."""
    kinds = [kind for kind in ELEMENTS["kinds"] if kind not in {"button", "image", "overflow"}]
    more = {"options": [option()]}
    needs = {"static_select", "multi_static_select", "checkboxes", "radio_buttons"}
    for kind in kinds:
        field = element(kind, **(more if kind in needs else {}))
        html = drawn([{"type": "input", "label": plain("Label"), "element": field}])
        page = seen(html)
        ids = {attributes.get("id") for _, attributes in page.tags}
        labels = {attributes.get("for") for attributes in page.named("label")} - {None}
        described = {attributes.get("aria-labelledby") for _, attributes in page.tags} - {None}
        assert labels | described, kind
        assert labels | described <= ids, kind
