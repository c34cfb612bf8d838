"""What a clean-up under way needs of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from bot.emporix.models import JobPage
from bot.emporix.part import Part
from bot.models import Account, Caller, Connection, Filters
from bot.services.cleans.progress import Progress

Show: TypeAlias = Callable[[Progress], Awaitable[str]]
"""Lets the owner see the progress; gives where that is."""


class Emporix(Protocol):
    """The calls that find jobs and delete them."""

    async def list_jobs(self, connection: Connection, filters: Filters, part: Part) -> JobPage: ...
    async def delete_job(self, connection: Connection, job_id: str) -> bool: ...


class Accounts(Protocol):
    """Where accounts are kept."""

    async def load(self, caller: Caller) -> Account: ...


class Audit(Protocol):
    """Where clean-ups are recorded."""

    async def record(
        self,
        caller: Caller,
        tenant: str,
        job_id: str,
        result: str,
        *,
        replaces: str = "",
        **counts: int,
    ) -> str: ...
