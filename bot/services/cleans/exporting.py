"""The jobs of a clean-up as they are before the first of them is deleted, in parts for files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bot.emporix.models import Job
from bot.services.cleans.collecting import BeforeEach, pages
from bot.services.pages import Call
from bot.services.whole_lists import MOST_JOBS, within_cells
from bot.store.cleans import Clean

MOST_CHARACTERS = 5_000_000
"""Of texts in one file: some clean-ups at once must fit into memory."""


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Jobs for one file; `reached` is when the last of them was modified, as Emporix wrote it.

    It is empty where the jobs cannot be bounded by that time, and so cannot be read in parts.
    """

    jobs: Sequence[Job]
    reached: str


async def parts(
    call: Call, clean: Clean, job_ids: Sequence[str], before_each: BeforeEach
) -> AsyncIterator[ExportPart]:
    """All `job_ids` that Emporix still has, but for those that `clean` says were sent already."""
    missing, jobs, characters = set(job_ids), list[Job](), 0
    async for page in pages(call, clean, before_each, since=clean.exported_to):
        new = [within_cells(job) for job in page if job.id in missing]
        missing.difference_update(job.id for job in new)
        jobs += new
        characters += sum(len(job.message) + len(job.response) for job in new)
        if len(jobs) >= MOST_JOBS or characters >= MOST_CHARACTERS:
            yield ExportPart(jobs, "" if clean.filters.raw_q else page[-1].modified_at)
            jobs, characters = [], 0
    if jobs:
        yield ExportPart(jobs, "" if clean.filters.raw_q else jobs[-1].modified_at)
