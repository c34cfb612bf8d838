"""Finds, replaces and updates rows of jobs in messages and modals that are already shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bot.errors import OutdatedButton
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton, JobButton, decode

Block = Mapping[str, Any]

_BLOCK_ID_SUFFIX = ".buttons"


def job_row_numbers(blocks: Iterable[Block]) -> dict[str, tuple[str, str]]:
    """Tenant and id of the job in each row that has buttons, by the row's first block_id."""
    ends = [block for block in blocks if _block_id(block).endswith(_BLOCK_ID_SUFFIX)]
    found = {_block_id(block).removesuffix(_BLOCK_ID_SUFFIX): _job(block) for block in ends}
    return {row: job for row, job in found.items() if job}


def shared_jobs(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    """Tenant and id of each job that can be deleted in a shared message, in a row or alone."""
    return [job for block in blocks if (job := _job(block))]


def with_rows_replaced(blocks: Iterable[Block], rows: Mapping[str, Sequence[Block]]) -> list[Block]:
    """The blocks, with each row in `rows` replaced by other blocks."""
    kept: list[Block] = []
    within = ""
    for block in blocks:
        if _block_id(block) in rows:
            within = _block_id(block)
            kept += rows[within]
        if not within:
            kept.append(block)
        elif _block_id(block) == within + _BLOCK_ID_SUFFIX:
            within = ""
    return kept


RESPONSE_PREFIX = "response."
"""The block_ids of the blocks that show an alert's state and its buttons begin with this."""


def with_response_replaced(blocks: Iterable[Block], response: Iterable[Block]) -> list[Block]:
    """The blocks of an alert's message with another state, which is below the title."""
    title, *others = [one for one in blocks if not _block_id(one).startswith(RESPONSE_PREFIX)]
    return [title, *response, *others]


def alert_with_response(blocks: Iterable[Block]) -> str:
    """The id of the alert whose state a message shows; "" if it shows none."""
    shown = (block for block in blocks if _block_id(block).startswith(RESPONSE_PREFIX))
    for value in button_values(shown):
        with suppress(OutdatedButton):
            return decode(value, AlertButton).alert_id
    return ""


def row_of(blocks: Iterable[Block], tenant: str, job_id: str) -> str:
    """The row that shows a job; "" if there is none, or if it only shows fields the user chose."""
    blocks = list(blocks)
    found = next(
        (row for row, job in job_row_numbers(blocks).items() if job == (tenant, job_id)), ""
    )
    begin = next((block for block in blocks if found and _block_id(block) == found), {})
    text = str(begin.get("text", {}).get("text", ""))
    return found if text and not text.startswith("`") else ""


JOB_HEADING = "job"
"""The block_id of the line that says which job a modal shows."""


def job_heading(blocks: Iterable[Block]) -> list[Block]:
    """The line that says which job is shown; empty if there is none."""
    return [block for block in blocks if _block_id(block) == JOB_HEADING]


def jobs_to_open(blocks: Iterable[Block], tenant: str) -> list[str]:
    """The ids of a tenant's jobs that have an Open button, in order."""
    return [job_id for of_job, job_id in jobs_with_open_button(blocks) if of_job == tenant]


def button_values(blocks: Iterable[Block]) -> Iterator[str]:
    """The values of the buttons in and beside these blocks."""
    for block in blocks:
        for element in _elements(block):
            yield str(element.get("value") or "")


def _elements(block: Block) -> list[Mapping[str, Any]]:
    return [*(block.get("elements") or ()), block.get("accessory") or {}]


def jobs_with_open_button(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    """Tenant and id of each job that has an Open button, in order."""
    found = [_job(block, buttons.JOBS_GET_OPEN) for block in blocks]
    return list(dict.fromkeys(job for job in found if job))


def _job(block: Block, *action_ids: str) -> tuple[str, str] | None:
    """Tenant and id of the job of a button in `block`: Delete, or one with one of these ids."""
    wanted = action_ids or (buttons.JOBS_DELETE_IN_CHANNEL_CONFIRM,)
    for element in _elements(block):
        if element.get("action_id") in wanted:
            return _job_of(str(element.get("value")))
    return None


def _job_of(value: str) -> tuple[str, str] | None:
    try:
        job = decode(value, JobButton)
    except OutdatedButton:
        return None
    return job.tenant, job.job_id


def _block_id(block: Block) -> str:
    return str(block.get("block_id", ""))


def with_buttons_replaced(
    blocks: Iterable[Block], tenant: str, job_id: str, lines: Iterable[Block]
) -> list[Block]:
    """The blocks, with the buttons of a deleted job, or its line with Open, replaced by `lines`."""
    kept: list[Block] = []
    for block in blocks:
        deleted = _job(block, buttons.JOBS_DELETE_MENTIONED_ASK, buttons.JOBS_GET_OPEN)
        kept += lines if deleted == (tenant, job_id) else [block]
    return kept
