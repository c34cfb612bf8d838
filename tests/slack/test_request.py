"""Typed text is read as it looks, without invisible characters."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.request import MAX_MESSAGE_CHARACTERS, message_texts, normalized, unescaped
from sandbox.emporix.keys import ACME_OPERATIONS
from tests.harness.app import AppHarness

INVISIBLE = [
    *("\u200b", "\u200e", "\u200f", "\ufeff", "\u00ad", "\u2060", "\u061c", "\x00", "\x1b"),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
    *map(chr, range(0xE0020, 0xE0025)),
]
pasted = st.lists(st.one_of(st.text(), st.sampled_from([*INVISIBLE, "\u200c", "\u200d"]))).map(
    "".join
)


@given(pasted)
def test_normalizing_is_safe_and_idempotent(text: str) -> None:
    """Normalizing any text raises no error, is idempotent, and gives valid UTF-8."""
    once = normalized(text)
    assert normalized(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_is_unchanged(text: str) -> None:
    """Visible ASCII is unchanged."""
    assert normalized(text) == text


@given(
    st.text('abc :"09-', min_size=1), st.sampled_from([*INVISIBLE, "\u200c", "\u200d"]), st.data()
)
def test_an_invisible_character_in_an_id_or_filter_is_dropped(
    text: str, invisible: str, data: st.DataObject
) -> None:
    """Invisible characters are removed anywhere in an id or a filter."""
    at = data.draw(st.integers(0, len(text)))
    assert normalized(text[:at] + invisible + text[at:]) == text


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",
        "ශ්\u200dරී",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "❤\ufe0f",
        "\u0600\u0661",
        "日本語 全角：",
        "naïve façade",
        "two\nlines\tand a tab",
    ],
    ids=[
        "Persian",
        "Sinhala",
        "family",
        "heart",
        "number sign",
        "Japanese",
        "accents",
        "white space",
    ],
)
def test_visible_characters_are_kept(text: str) -> None:
    """Visible characters are kept, and joiners that a script or an emoji needs."""
    assert normalized(text) == text


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Kru\u0308ger", "Krüger"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\ud800 refund", "\ufffd refund"),
        ("x\u200dy", "xy"),
        ("\u200dж", "ж"),
        ("ж\u200d\u200dж", "ж\u200dж"),
        ("e\u200d\u0301", "é"),
    ],
)
def test_texts_that_look_the_same_are_equal(typed: str, read: str) -> None:
    """Texts that look the same are equal: decomposed letters, line ends, surrogates and joiners."""
    assert normalized(typed) == read


@given(st.text())
def test_entities_are_unescaped_once(text: str) -> None:
    """Entities that Slack escapes in a command are unescaped once."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert unescaped(escaped) == text


async def test_commands_are_normalized_and_unescaped(connected: AppHarness) -> None:
    """A command is normalized and unescaped."""
    connected.emporix_state.add_job(
        "acme", id="job-1", status="success", message="R&D <beta> is done."
    )
    found = await connected.ada.command("/emporix \u200bjobs get \u200bjob-1\ufeff")
    assert "Job `job-1`" in str(found.messages[-1]["blocks"])
    found = await connected.ada.command('/emporix jobs search "R&D <beta>"')
    assert found.messages[-1]["text"].startswith("Job 1 of 1")


async def test_forms_are_normalized(harness: AppHarness) -> None:
    """The values of a form are normalized, such as a pasted API key."""
    key = ACME_OPERATIONS
    filled = {"Tenant": "\u200eacme", "Client ID": f"{key.client_id}\u200b"}
    await harness.ada.command("/emporix connect")
    done = await harness.ada.submit(filled | {"Client secret": f"\ufeff{key.client_secret}"})
    assert done.field_errors == {}


async def test_option_search_is_normalized(connected: AppHarness) -> None:
    """The search text of a select is normalized."""
    connected.emporix_state.add_agent("acme", id="fraud-agent", name="Fraud Agent")
    await connected.ada.shortcut("Search Emporix jobs")
    offered = await connected.ada.suggest("Agent", "\u200bfraud\u2060")
    assert [option["value"] for option in offered.options] == ["fraud-agent", "fraud"]


KEYS = st.sampled_from(["text", "blocks", "attachments", "elements", "fields", "value", "title"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def nested(text: str, depth: int) -> Any:
    block: Any = {"type": "text", "text": text}
    for _ in range(depth):
        block = {"elements": [block]}
    return block


def test_reads_text_blocks_and_attachments() -> None:
    """The text of a message is read first, then its blocks and attachments."""
    message = {
        "text": "A &lt;job&gt; &amp; more",
        "blocks": [
            {"type": "rich_text", "elements": [nested("deep", 3)]},
            {"type": "actions", "elements": [{"text": {"text": "Open"}, "value": "packed"}]},
        ],
        "attachments": [{"fallback": "CI failed", "title_link": "https://ci.example/1"}],
        "user": "U0ADA",
    }
    found = message_texts(message)
    assert found[0] == "A <job> & more"
    assert {"deep", "Open", "packed", "CI failed", "https://ci.example/1"} <= set(found)
    assert "U0ADA" not in found


def test_reads_snippets_and_emails() -> None:
    """A message can have its text in a file: a snippet, an e-mail, or a file named after a job."""
    message = {
        "text": "",
        "blocks": [{"type": "rich_text", "elements": [{"type": "emoji", "name": "tada"}]}],
        "files": [
            {"filetype": "text", "name": "job-1.json", "title": "Report", "preview": "A &amp; B"},
            {"filetype": "email", "subject": "Job failed", "plain_text": "id\u200b-2"},
        ],
    }
    found = message_texts(message)
    assert {"job-1.json", "Report", "A & B", "Job failed", "id-2"} <= {*found}
    assert "tada" not in found


def test_ends_somewhere() -> None:
    """Depth, length and number of blocks are limited."""
    assert message_texts({"blocks": [nested("lost", 20_000)]}) == []
    long = message_texts({"text": "x" * 10**6, "attachments": [{"text": "y"}] * 10**5})
    assert sum(map(len, long)) <= MAX_MESSAGE_CHARACTERS


@given(st.dictionaries(KEYS, ANYTHING))
def test_bears_any_shape(message: dict[str, Any]) -> None:
    """Values of any type are accepted; only text counts."""
    assert all(isinstance(text, str) for text in message_texts(message))
