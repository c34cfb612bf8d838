"""The rows of a shared list, in a message that everybody sees already.

A row is what stands from the block `job.<number>` to the block `job.<number>.buttons`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import OutdatedButton
from bot.say import ids
from bot.say.state import unpack

Block = Mapping[str, Any]

_END = ".buttons"


def jobs_in_rows(blocks: Iterable[Block]) -> dict[str, tuple[str, str]]:
    """Tenant and id of the job in each row that has buttons, by the row's first block_id."""
    ends = [block for block in blocks if _block_id(block).endswith(_END)]
    found = {_block_id(block).removesuffix(_END): _job(block) for block in ends}
    return {row: job for row, job in found.items() if job}


def shared_jobs(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    """Tenant and id of each job that can be deleted in a shared message, in a row or whole."""
    return [job for block in blocks if (job := _job(block))]


def with_rows_replaced(blocks: Iterable[Block], lines: Mapping[str, Block]) -> list[Block]:
    """The blocks with one block in the place of each row that `lines` names."""
    kept: list[Block] = []
    within = ""
    for block in blocks:
        if _block_id(block) in lines:
            within = _block_id(block)
            kept.append(lines[within])
        if not within:
            kept.append(block)
        elif _block_id(block) == within + _END:
            within = ""
    return kept


def _job(block: Block) -> tuple[str, str] | None:
    """What the Delete button of a row remembers."""
    for element in block.get("elements", ()):
        if element.get("action_id") == ids.JOBS_DELETE_SHARED_CONFIRM:
            return _remembered(element.get("value", ""))
    return None


def _remembered(value: str) -> tuple[str, str] | None:
    try:
        state = unpack(value, ids.STATE_SHARED_JOB)
    except OutdatedButton:
        return None
    return str(state["tenant"]), str(state["job"])


def _block_id(block: Block) -> str:
    return str(block.get("block_id", ""))
