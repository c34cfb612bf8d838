"""One line for a list says what an agent wrote, not how it was marked up."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.say.excerpt import excerpt
from tests.say.hostile import NOT_SENDABLE, hostile_text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Order **EON1031** is *late*.\n\nSorry!", "Order EON1031 is late. Sorry!"),
        ("## Check\n\n| a | b |\n|---|---:|\n| 1 | 2 |", "Check a · b 1 · 2"),
        ("> said\n- one\n- two\n1. three", "said • one • two 1. three"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("see [the order](https://shop.example/1) `now`", "see the order now"),
        ('```json\n{"a": 1.50,\n "b": []}\n```', '{ "a": 1.50, "b": [] }'),
        (json.dumps(json.dumps({"a": "one\ntwo"})), '{ "a": "one two" }'),
        ("Late.\\n\\nReasons:\\n- strike", "Late. Reasons: • strike"),
        ("2 * 3 * 4 | snake_case", "2 * 3 * 4 | snake_case"),
        ("", ""),
    ],
)
def test_noise_goes(text: str, line: str) -> None:
    """Signs of Markdown, fences, rules of tables and wrappings of JSON are left out."""
    assert excerpt(text, 220) == line


def test_what_is_cut_ends_with_an_ellipsis() -> None:
    """Also where the noise of a long text would leave a short line."""
    assert excerpt("word " * 100, 20) == "word word word word…"
    assert excerpt("# a" + "\n----\n" * 1000, 220) == "a …"
    assert len(excerpt("x" * 100_000, 220)) == 220


@given(hostile_text, st.integers(10, 300))
def test_it_is_one_line_that_can_be_sent(text: str, limit: int) -> None:
    """Whatever comes."""
    line = excerpt(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert not NOT_SENDABLE.search(line)


@pytest.mark.parametrize("piece", ["*", "**a", "|", "-", "`", "[a](", "> ", "# ", " ", "_", "\n-"])
def test_a_list_of_megabytes_is_quick(piece: str) -> None:
    """Twelve long messages do not hold up their list."""
    text = "**" + piece * (1_000_000 // len(piece))
    started = time.process_time()
    for _ in range(12):
        excerpt(text, 220)
    assert time.process_time() - started < 0.5
