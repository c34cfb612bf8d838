"""Shares lists and jobs with a channel, if its members may see them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from bot.domain.accounts import Account, Audience, Caller, require_connection
from bot.errors import OutdatedButton, ShareRefused
from bot.services.jobs import JobList, JobService
from bot.store.idempotency import Deletions, OnceStep
from bot.store.ui_state import ListStore


class SharingService:
    """Shares lists and jobs with channels; `allow_outsiders` is the operator's setting."""

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
        """Raises ShareRefused if jobs may not be shown to these readers."""
        if reason := refusal_reason(audience, allow_outsiders=self._allow_outsiders):
            raise ShareRefused(reason)

    def share_once(self, caller: Caller, message: str) -> AbstractAsyncContextManager[OnceStep]:
        """Claim the share of a message: only the first click gets the step `new`."""
        return self._deletions.once(caller, f"share:{message}")

    async def share_list(self, account: Account, cursor_id: str, page: int) -> JobList:
        """Read a page of the user's own list, with a cursor that others may use.

        Raises OutdatedButton, NotConnected and EmporixError.
        """
        return await self._copy(account, cursor_id, page, shared=True)

    async def copy_page(self, account: Account, owner: str, cursor_id: str, page: int) -> JobList:
        """Read a page of another user's shared list, as a new list that the caller owns.

        Raises OutdatedButton, NotConnected and EmporixError.
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
    """Why jobs may not be shown: "direct", "unknown" or "outsiders"; "" if they may.

    Unknown readers may belong to another organization.
    """
    if audience.is_direct:
        return "direct"
    if allow_outsiders:
        return ""
    return "outsiders" if audience.has_outsiders else "" if audience.is_known else "unknown"
