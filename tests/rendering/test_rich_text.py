"""A link shows where it leads, or does not link."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.rendering.rich_text import leaves_text, link_with_host, web_host
from tests.rendering.hostile import hostile_text


def test_words_link_and_name_the_host() -> None:
    """A link with its own text is followed by its host."""
    assert link_with_host("https://shop.example/orders?a=1", "the order") == [
        {"type": "link", "url": "https://shop.example/orders?a=1", "text": "the order"},
        {"type": "text", "text": " (shop.example)"},
    ]


@pytest.mark.parametrize("text", ["https://evil.example/x", "evil.example/x", ""])
def test_an_address_as_its_own_text_is_shown_once(text: str) -> None:
    """A link whose text is its address is shown as it is."""
    url = "https://evil.example/x"
    assert link_with_host(url, text) == [{"type": "link", "url": url, "text": url}]


@pytest.mark.parametrize("text", ["https://shop.example", "www.shop.example", "shop.example (new)"])
def test_text_that_looks_like_another_address_does_not_link(text: str) -> None:
    """If the text looks like another address, only the true address is a link."""
    url = "https://evil.example/x"
    assert link_with_host(url, text) == [
        {"type": "text", "text": f"{text} ("},
        {"type": "link", "url": url, "text": url},
        {"type": "text", "text": ")"},
    ]


@pytest.mark.parametrize(
    "url",
    [
        "mailto:a@b.example",
        "javascript:alert(1)",
        "/orders",
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "https://",
        "https://[broken",
        "https://a.example/\u202e",
        "https://a.example/ b",
        "https://a.example/" + "x" * 3000,
        "slack://open",
    ],
)
def test_an_unusual_address_is_text(url: str) -> None:
    """An address that is not http or hides its host is shown as text."""
    assert web_host(url) == ""
    assert [leaf["type"] for leaf in link_with_host(url, "here")] == ["text"]
    assert leaves_text(link_with_host(url, "here")).startswith("here (")


@given(hostile_text, hostile_text)
def test_only_web_addresses_link(url: str, text: str) -> None:
    """For any address, only http and https links are created."""
    for leaf in link_with_host(url, text):
        assert leaf["type"] == "text" or leaf["url"].startswith(("http://", "https://"))
