"""The jobs in a modal that somebody has open: what stands below one when it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import OutdatedButton
from bot.say import buttons
from bot.say.buttons import JobButton, decode

Block = Mapping[str, Any]


def with_buttons_replaced(
    blocks: Iterable[Block], tenant: str, job_id: str, lines: Iterable[Block]
) -> list[Block]:
    """The blocks with others in the place of the buttons of a job, which has no use for them."""
    kept: list[Block] = []
    for block in blocks:
        kept += lines if _deletes(block, tenant, job_id) else [block]
    return kept


def _deletes(block: Block, tenant: str, job_id: str) -> bool:
    for element in block.get("elements", ()):
        if element.get("action_id") == buttons.JOBS_DELETE_FOUND_ASK:
            return _is_of(element.get("value", ""), tenant, job_id)
    return False


def _is_of(value: str, tenant: str, job_id: str) -> bool:
    try:
        job = decode(value, JobButton)
    except OutdatedButton:
        return False
    return (job.tenant, job.job_id) == (tenant, job_id)
