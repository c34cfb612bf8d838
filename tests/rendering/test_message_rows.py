"""Rows of a shared list are found by their block_ids, and nothing else of it is touched."""

from __future__ import annotations

from typing import Any

from bot.rendering import buttons
from bot.rendering.buttons import JobButton
from bot.rendering.message_rows import job_row_numbers, jobs_to_open, row_of, with_rows_replaced

LINE = {"type": "section", "text": {"type": "mrkdwn", "text": "gone"}}


def row(number: int, job: str) -> list[dict[str, Any]]:
    value = JobButton(tenant="acme", job_id=job, row=number).value
    opened = {"action_id": buttons.JOBS_GET_OPEN, "value": "x"}
    delete = {"action_id": buttons.JOBS_DELETE_IN_CHANNEL_CONFIRM, "value": value}
    return [
        {"type": "section", "block_id": f"job.{number}"},
        {"type": "section", "block_id": f"made-up-{number}"},
        {"type": "actions", "block_id": f"job.{number}.buttons", "elements": [opened, delete]},
    ]


TITLE, PAGES = {"type": "section"}, {"type": "actions", "block_id": "pages", "elements": []}
BLOCKS = [TITLE, *row(1, "a"), {"type": "section", "block_id": "job.2"}, *row(3, "c"), PAGES]


def test_finds_the_job_of_each_row() -> None:
    """Rows are found by their buttons; a row without buttons has no job."""
    assert job_row_numbers(BLOCKS) == {"job.1": ("acme", "a"), "job.3": ("acme", "c")}


def test_replaces_whole_rows() -> None:
    """One line replaces the row, and the other blocks keep their order."""
    assert with_rows_replaced(BLOCKS, {"job.3": [LINE]}) == [*BLOCKS[:5], LINE, PAGES]
    assert with_rows_replaced(BLOCKS, {"job.1": [LINE], "job.3": [LINE, LINE]}) == [
        TITLE,
        LINE,
        BLOCKS[4],
        LINE,
        LINE,
        PAGES,
    ]


def test_finds_the_row_of_a_job() -> None:
    """By tenant and id; a row of chosen fields is of another kind, and begins with the id."""
    begin: dict[str, Any] = {"type": "section", "block_id": "job.1"}
    for text, found in (("failed", "job.1"), ("`a` · failed", "")):
        blocks = [begin | {"text": {"text": text}}, *row(1, "a")[1:]]
        assert row_of(blocks, "acme", "a") == found
        assert row_of(blocks, "globex", "a") == row_of(blocks, "acme", "b") == ""


def test_an_old_button_is_ignored() -> None:
    """A button of another version is ignored."""
    old = {"action_id": buttons.JOBS_DELETE_IN_CHANNEL_CONFIRM, "value": "old"}
    assert job_row_numbers([{"block_id": "job.1.buttons", "elements": [old]}]) == {}


def test_finds_the_jobs_to_open_in_their_order() -> None:
    """Beside a text and below it, once each, and of one tenant only."""

    def opens(tenant: str, job_id: str) -> dict[str, Any]:
        return {"action_id": buttons.JOBS_GET_OPEN, "value": JobButton(tenant, job_id).value}

    shown: list[dict[str, Any]] = [
        {"type": "section", "accessory": opens("acme", "b")},
        {"type": "actions", "elements": [opens("acme", "a"), {"action_id": "other", "value": "x"}]},
        {"type": "section", "accessory": opens("globex", "c")},
        {"type": "section", "accessory": opens("acme", "b")},
        {"type": "section", "accessory": {"action_id": buttons.JOBS_GET_OPEN, "value": "old"}},
        {"type": "divider"},
    ]
    assert jobs_to_open(shown, "acme") == ["b", "a"]
