"""Markdown becomes rich text that says the same."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rendering.markdown import from_markdown
from bot.rendering.rich_text import Element, text_length


def made(text: str) -> list[Element]:
    elements = from_markdown(text)
    assert elements is not None
    return elements


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def item(*leaves: dict[str, Any]) -> Element:
    return {"type": "rich_text_section", "elements": list(leaves)}


def test_styles_nest() -> None:
    """Bold, italic, strikethrough and code work alone and nested."""
    assert made("a **b *c*** ~~d~~ `*e*`") == [
        item(
            words("a "),
            words("b ", bold=True),
            words("c", bold=True, italic=True),
            words(" "),
            words("d", strike=True),
            words(" "),
            words("*e*", code=True),
        )
    ]


def test_a_heading_is_bold_and_paragraphs_are_apart() -> None:
    """Headings are bold, paragraphs are separated, and line breaks stay."""
    assert made("# T\n\none\ntwo\n\nthree\n\n---") == [
        item(words("T", bold=True), words("\n\none\ntwo\n\nthree\n\n―――"))
    ]


def test_nested_lists_continue_their_numbers() -> None:
    """Content between two items doesn't restart the numbers, and nesting is limited."""
    shape = [
        (part.get("style"), part.get("indent"), part.get("offset"), len(part["elements"]))
        for part in made("1. a\n   - x\n   - y\n2. b\n3. c\n\n* d")
    ]
    assert shape == [
        ("ordered", 0, None, 1),
        ("bullet", 1, None, 2),
        ("ordered", 0, 1, 2),
        ("bullet", 0, None, 1),
    ]
    deep = made("\n".join("  " * level + "- x" for level in range(12)))
    assert max(part["indent"] for part in deep) == 8


def test_a_large_list_number_is_text() -> None:
    """List numbers above Slack's maximum are text."""
    assert made("2026. A year") == [item(words("2026. A year"))]


def test_further_paragraphs_of_an_item_have_no_bullet() -> None:
    """A second paragraph after nested items, or code, gets no bullet."""
    kinds = [part["type"] for part in made("- a\n\n  - x\n\n  more\n\n  ```\n  code\n  ```\n")]
    assert kinds == [
        "rich_text_list", "rich_text_list", "rich_text_section", "rich_text_preformatted"
    ]  # fmt: skip


def test_quotes_keep_their_content() -> None:
    """Quotes keep their content, and lists in them are text."""
    assert made("> a\n>\n> 1. b\n\nc") == [
        {"type": "rich_text_quote", "elements": [words("a")]},
        {"type": "rich_text_quote", "elements": [words("1. b")]},
        item(words("c")),
    ]


def test_in_code_nothing_formats() -> None:
    """Fenced and indented code is not formatted, and an open fence ends with the text."""
    assert made("```js\n**a** <!channel>\n  [x](https://a.example)") == [
        {
            "type": "rich_text_preformatted",
            "elements": [words("**a** <!channel>\n  [x](https://a.example)")],
        }
    ]


def test_a_table_is_set_in_columns() -> None:
    """Numbers to the right where the table says so, links with their host."""
    rows = "| EON1 | 9.00 |\n| **EON22** | 120.50 |\n| [x](https://a.example) |"
    assert made(f"| order | sum |\n|---|--:|\n{rows}")[0]["elements"][0]["text"].split("\n") == [
        "order             sum",
        "─────────────  ──────",
        "EON1             9.00",
        "EON22          120.50",
        "x (a.example)",
    ]


def test_html_mentions_and_references_stay_letters() -> None:
    """HTML, mentions and references are shown as text."""
    text = "<b>x</b> <!channel> <@U1> @here #general :smile:\n\n[a][b]\n\n[b]: https://evil.example"
    assert [leaf["type"] for leaf in made(text)[0]["elements"]] == ["text"]


def test_images_are_links() -> None:
    """An image is a link, so that its server doesn't learn who reads the message."""
    assert made("![plan](https://a.example/p.png)") == [
        item(
            {"type": "link", "url": "https://a.example/p.png", "text": "plan"},
            words(" (a.example)"),
        )
    ]


@pytest.mark.parametrize("sign", ["> ", "- ", "1. "])
def test_too_deep_is_not_markdown(sign: str) -> None:
    """markdown-it would drop what lies deeper, so it is shown as it came."""
    assert from_markdown(sign * 100 + "lost?") is None
    assert text_length(made(sign * 5 + "kept")) >= len("kept")


@pytest.mark.parametrize("text", ["[" * 3000, "a\n" * 4000])
def test_text_that_takes_too_long_is_not_parsed(text: str) -> None:
    """Text with thousands of brackets or lines is shown as it is."""
    assert from_markdown(text) is None
