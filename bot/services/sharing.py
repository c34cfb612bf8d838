"""Shares lists and jobs with a channel: where that is allowed, and what its members can do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from bot.domain.accounts import Account, Caller, require_connection
from bot.domain.channels import Audience
from bot.errors import OutdatedButton, ShareRefused
from bot.services.jobs import JobList, JobService
from bot.store.idempotency import Deletions, OnceStep
from bot.store.lists import ListStore


class SharingService:
    """Lists and jobs in channels. `allow_outsiders` is the operator's word."""

    def __init__(
        self,
        jobs: JobService,
        cursors: ListStore,
        done: Deletions,
        *,
        new_cursor_id: Callable[[], str],
        allow_outsiders: bool,
    ) -> None:
        self._jobs, self._cursors, self._deletions = jobs, cursors, done
        self._new_cursor_id, self._allow_outsiders = new_cursor_id, allow_outsiders

    def admit(self, audience: Audience) -> None:
        """Raises ShareRefused where jobs may not be shown to these readers."""
        if reason := refusal_reason(audience, allow_outsiders=self._allow_outsiders):
            raise ShareRefused(reason)

    def share_once(self, caller: Caller, message: str) -> AbstractAsyncContextManager[OnceStep]:
        """`new` for the first press on a question; a double click shares once."""
        return self._deletions.once(caller, f"share:{message}")

    async def share_list(self, account: Account, cursor_id: str, page: int) -> JobList:
        """A page of the user's own list, under a cursor that others may use.

        Raises OutdatedButton, NotConnected and what Emporix raises.
        """
        return await self._copy(account, cursor_id, page, shared=True)

    async def copy_page(self, account: Account, owner: str, cursor_id: str, page: int) -> JobList:
        """A page of somebody else's shared list, read again as a list of the user's own.

        Raises OutdatedButton, NotConnected and what Emporix raises.
        """
        return await self._copy(account, cursor_id, page, owner=owner)

    async def _copy(
        self, account: Account, cursor_id: str, page: int, *, owner: str = "", shared: bool = False
    ) -> JobList:
        cursor = await self._cursors.load(account.caller, cursor_id, owner=owner)
        if cursor is None:
            raise OutdatedButton
        require_connection(account, cursor.tenant)
        copy = replace(cursor, id=self._new_cursor_id(), caller=account.caller, shared=shared)
        await self._cursors.save(copy)
        return await self._jobs.go_to_page(account, copy.id, page)


def refusal_reason(audience: Audience, *, allow_outsiders: bool) -> str:
    """Why jobs may not be shown to these readers: direct, unknown or outsiders; "" if they may.

    Readers who cannot be known may be of another organization.
    """
    if audience.is_direct:
        return "direct"
    if allow_outsiders:
        return ""
    return "outsiders" if audience.has_outsiders else "" if audience.is_known else "unknown"
