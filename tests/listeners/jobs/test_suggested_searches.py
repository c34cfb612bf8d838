"""An empty list offers the same list without one of its filters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.rendering.buttons import JOBS_LIST_SUGGESTIONS, ListButton, decode
from bot.services.filters.parser import from_compact
from bot.services.jobs import REMOVABLE
from sandbox.emporix.faults import Fault
from sandbox.slack.blockkit.walk import elements
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs

JOBS = "/ai-service/acme/jobs"


def offered(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The buttons that remove a filter."""
    found = [one for block in payload["blocks"] for one in elements(block)]
    return [one for one in found if one["action_id"] in JOBS_LIST_SUGGESTIONS]


def removed(button: dict[str, Any], *, typed: set[str]) -> set[str]:
    """The filters that the list of a button lacks."""
    filters, _ = from_compact(decode(button["value"], ListButton).query)
    assert filters.since is not None or not filters.last_seconds
    kept = {name for name, fields in REMOVABLE.items() if any(getattr(filters, f) for f in fields)}
    return typed - kept


@pytest.mark.parametrize(
    ("line", "typed", "ways"),
    [
        ("failed nothinglikethis", {"statuses", "words"}, {"words"}),
        ("status:failed type:export", {"statuses", "types"}, {"types"}),
        ("agent:nobody", {"agents"}, {"agents"}),
        ("event:none.such running", {"events", "statuses"}, {"events"}),
        ("failed until:2020-01-01", {"statuses", "time"}, {"time"}),
        ("failed invoice since:5m", {"statuses", "words", "time"}, {"time"}),
    ],
)
async def test_each_button_removes_one_filter_and_keeps_its_promise(
    connected: AppHarness, line: str, typed: set[str], ways: set[str]
) -> None:
    """Each button removes exactly one filter, and its number is what the click then shows."""
    add_jobs(connected, 9)
    empty = await connected.ada.command(f"/emporix jobs {line}")
    buttons = offered(empty.payloads[0])
    assert [removed(button, typed=typed) for button in buttons] == [{way} for way in sorted(ways)]
    for button in buttons:
        await connected.ada.command(f"/emporix jobs {line}")
        count = re.match(r"Show (?:all )?(\d+) ", button["text"]["text"])
        assert count
        shown = await connected.ada.click(action_id=button["action_id"])
        assert int(count[1]) == total(shown)


async def test_offers_only_searches_with_results(connected: AppHarness) -> None:
    """A filter whose removal does not help is not offered."""
    add_jobs(connected, 9)
    empty = await connected.ada.command("/emporix jobs failed nothinglikethis")
    assert [button["text"]["text"] for button in offered(empty.payloads[0])] == [
        "Show all 3 failed"
    ]


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("failed nothinglikethis", "No failed jobs contain “nothinglikethis”."),
        ("status:failed,skipped type:export", "No failed or skipped export jobs."),
        ("agent:complaint-agent a b-c", "No jobs of complaint-agent contain “a” and “b-c”."),
        ("event:none.such running", "No running jobs, event none.such."),
    ],
)
async def test_the_heading_is_a_sentence(connected: AppHarness, line: str, heading: str) -> None:
    """The heading of an empty list says in a sentence which jobs there aren't."""
    add_jobs(connected, 2)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="complaint-agent")
    exchange = await connected.ada.command(f"/emporix jobs {line}")
    assert exchange.payloads[0]["text"] == heading


async def test_has_no_numbers_if_emporix_is_slow(connected: AppHarness) -> None:
    """Counting takes a second at most; without a number, every filter is offered."""
    add_jobs(connected, 9)
    connected.emporix_state.faults.add(Fault("delay", times=1, path=JOBS, seconds=0))
    connected.emporix_state.faults.add(Fault("delay", times=2, path=JOBS, seconds=1.5))
    empty = await connected.ada.command("/emporix jobs failed nothinglikethis")
    assert [button["text"]["text"] for button in offered(empty.payloads[0])] == [
        "Show all failed",
        "Show jobs with any status",
    ]


def total(shown: Exchange) -> int:
    """The number of jobs in the heading of a list."""
    text = shown.payloads[-1]["text"]
    found = re.match(r"Jobs? [\d–]+(?: of ([\d,]+))?", text)
    assert found, text
    return int(found[1].replace(",", "")) if found[1] else 1
