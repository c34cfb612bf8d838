"""Charts: whatever is counted, Slack takes the block, or there is none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.blockkit.rules import (
    chart_value,
    fit_chart,
    has_chart,
    limit_charts,
    without_chart,
)
from bot.rendering.renderer import Renderer, examples
from bot.services.digests.history import FINAL_STATUSES, DayCount, History
from sandbox.slack.blockkit import problems
from tests.sandbox.slack.samples import chart, modal, section

RENDERER = Renderer.default()
POST = examples(RENDERER, "digest/post")["a day with failures"]
"""The facts of a digest with a chart."""

counted = st.integers(min_value=0, max_value=10**400)
days = st.lists(st.tuples(counted, counted, counted), max_size=25)
junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=25) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["label", "value", "name", "data", "categories", "series"]), inner
        )
    ),
    max_leaves=8,
)


def history(counts: list[tuple[int, ...]]) -> History:
    shown = tuple(DayCount(f"2026-10-{place:02}", day) for place, day in enumerate(counts, 1))
    return History("acme", FINAL_STATUSES, shown, unknown=1)


@settings(max_examples=40, deadline=None)
@given(days)
def test_any_counts_make_a_block_that_slack_takes(counts: list[tuple[int, ...]]) -> None:
    """Or none: with too few days, too many, or numbers that no chart can hold."""
    message = RENDERER.render("digest/post", **{**POST, "history": history(counts)})
    blocks: Any = message["blocks"]
    assert problems(blocks, "message") == []
    begun = next((place for place, day in enumerate(counts) if any(day)), len(counts))
    is_drawn = len(counts) <= 20 and len(counts) - begun >= 2
    is_exact = all(count <= 2**53 for day in counts for count in day)
    assert has_chart(message) is (is_drawn and is_exact)


def broken(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A chart of two series with one part replaced."""
    block = copy.deepcopy(chart("a", "b"))
    inner: Any = block
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return block


PATHS: list[tuple[str | int, ...]] = [
    ("title",),
    ("block_id",),
    ("chart",),
    ("chart", "type"),
    ("chart", "series"),
    ("chart", "series", 0),
    ("chart", "series", 0, "name"),
    ("chart", "series", 0, "data"),
    ("chart", "series", 0, "data", 0),
    ("chart", "series", 0, "data", 0, "label"),
    ("chart", "series", 0, "data", 0, "value"),
    ("chart", "axis_config"),
    ("chart", "axis_config", "categories"),
    ("chart", "axis_config", "categories", 0),
    ("chart", "axis_config", "y_label"),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), junk | st.text(min_size=40, max_size=60))
def test_a_broken_chart_is_left_out(path: tuple[str | int, ...], value: Any) -> None:
    """An invalid chart is left out; texts that are too long are shortened."""
    fitted = fit_chart(broken(path, value))
    if fitted is not None:
        known = {key: part for key, part in fitted.items() if key != "block_id"}
        assert [one for one in problems([known], "message") if "invalid text" not in one] == []
        assert fit_chart(fitted) == fitted


def test_a_chart_within_the_limits_stays() -> None:
    """At the edge of each limit; one step further it goes, but for its title and axes."""
    labels = tuple(f"{place:020}" for place in range(20))
    edge = chart(*(str(n) * 20 for n in range(6)), labels=labels, title="x" * 50)
    assert fit_chart(edge) == edge
    assert fit_chart(chart(*"abcdefg")) is None
    assert fit_chart(chart("x" * 21)) is None
    assert fit_chart(chart("a", "a")) is None
    assert fit_chart(chart(labels=(*labels, "more"))) is None
    assert fit_chart(chart(labels=("x" * 21, "y"))) is None
    assert fit_chart(chart(labels=("Mon", "Mon"))) is None
    assert fit_chart(chart(chart={"type": "pie"})) is None
    shortened = fit_chart(chart(title="x" * 51, axes={"y_label": "y" * 51}))
    assert shortened is not None
    assert len(shortened["title"]) == len(shortened["chart"]["axis_config"]["y_label"]) == 50


def test_a_message_keeps_two_charts_and_a_view_none() -> None:
    """Charts that Slack would refuse are left out, and the other blocks stay."""
    blocks = [chart(), section(), chart(), chart()]
    assert fit_payload({"text": "Jobs", "blocks": blocks})["blocks"] == blocks[:3]
    assert fit_payload(modal(*blocks))["blocks"] == [section()]
    assert without_chart({"text": "Jobs", "blocks": blocks})["blocks"] == [section()]
    assert limit_charts(blocks, 1) == blocks[:2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, None, "3", 2**53 + 1])
def test_only_numbers_are_drawn(value: Any) -> None:
    """Infinity and integers that a browser cannot represent are not drawn."""
    assert chart_value(value) is None
    assert [chart_value(one) for one in (0, 2.5, 2**53)] == [0, 2.5, 2**53]
