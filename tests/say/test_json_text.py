"""JSON is shown with other white space, and not otherwise changed."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.say.json_text import pretty, pretty_within

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.booleans())
def test_it_looks_as_the_library_writes_it(value: object, as_ascii: bool) -> None:
    """However it came, it is indented as `json.dumps` does it, and says the same."""
    shown = pretty(json.dumps(value, ensure_ascii=as_ascii), 10**6)
    assert json.loads(shown) == value
    if not as_ascii and "\\u" not in shown:
        assert shown == json.dumps(value, ensure_ascii=False, indent=2)


def test_numbers_order_and_doubled_keys_stay() -> None:
    """A price keeps its zero, and nothing that stands twice is lost."""
    text = '{"price":19.90,"a":1,"a":2,"big":123456789012345678901234567890,"e":1E5}'
    shown = pretty(text, 1000)
    assert (
        shown.split()
        == text.replace(",", ", ").replace(":", ": ").replace("{", "{ ").replace("}", " }").split()
    )


def test_letters_are_shown_as_letters() -> None:
    """`\\u00fc` is ü; what cannot be shown stays written out."""
    assert pretty('["f\\u00fcr", "\\u202e", "\\u0000"]', 1000).split() == [
        "[", '"für",', '"\\u202e",', '"\\u0000"', "]"
    ]  # fmt: skip


def test_no_more_is_made_than_needed() -> None:
    """Of a long text only a beginning is laid out, and deep nesting is not indented for ever."""
    assert 100 < len(pretty("[" + "1," * 100_000 + "1]", 100)) < 120
    assert len(pretty("[" * 500 + "]" * 500, 10**6)) < 50_000


def test_what_would_become_too_long_stays_as_it_is() -> None:
    """White space must not make a file a multiple of itself."""
    text = "[" * 30 + "1,2" + "]" * 30
    assert pretty_within(text, 10_000) == pretty(text, 10_000)
    assert pretty_within(text, 1000) == text
