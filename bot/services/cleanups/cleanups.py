"""Clean-ups of users: counted, confirmed, stopped, continued."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.domain.accounts import Account, Caller
from bot.domain.cleanups import INTERRUPTED, Cleanup, CleanupProgress
from bot.domain.filters import Filters
from bot.errors import DeletesOff, InvalidInput, OutdatedButton
from bot.services.cleanups.selection import CleanupCounts, Preview, check
from bot.services.deletes import may_delete
from bot.services.filters.form import shorten
from bot.store.accounts import AccountStore
from bot.store.cleanups import CleanupResults, CleanupStore
from bot.store.health import Heartbeats

MOST = 10_000
"""Jobs in one clean-up: some ten minutes of deletes."""

COMMAND = "/emporix jobs clean"

MOST_SHOWN = 100
"""Clean-ups under way that are looked through for those of a workspace."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`was` is the number that was shown before, where that is not the number any more.

    Then nothing has begun, and the new number is to be confirmed. `at_work`: some worker is.
    """

    clean: Cleanup
    was: int | None = None
    at_work: bool = True


class CleanupService:
    """Clean-ups of users; `allowed` is the operator's word. Methods raise StoreUnavailable."""

    def __init__(
        self,
        counting: CleanupCounts,
        accounts: AccountStore,
        kept: CleanupStore,
        results: CleanupResults,
        workers: Heartbeats,
        *,
        clock: Callable[[], float],
        new_clean_id: Callable[[], str],
        allowed: bool = True,
    ) -> None:
        self._counting, self._accounts, self._kept = counting, accounts, kept
        self._results, self._workers = results, workers
        self._clock, self._new_clean_id, self._allowed = clock, new_clean_id, allowed

    async def look(self, account: Account, filters: Filters) -> Preview:
        """Count the jobs and keep the question, unless there are none.

        Raises InvalidInput for filters that may not be cleaned by, and for what cannot be counted
        or is too much; DeletesOff, NotConnected, MissingScope, and what Emporix raises.
        """
        self._admit()
        check(filters)
        connection = may_delete(account, filters.tenant)
        until, in_all = await self._counting.bound(connection, filters)
        clean = Cleanup(self._new_clean_id(), account.caller, connection.tenant, filters, 0, until)
        if not until:
            return Preview(clean, staying=in_all)
        preview = await self._counting.preview(connection, clean, in_all)
        _check_size(preview.clean.counted)
        await self._kept.save_unconfirmed(preview.clean)
        query = shorten(replace(filters, tenant=connection.tenant), searched=False)
        return replace(preview, query=query)

    async def confirm(self, caller: Caller, clean_id: str, typed: str) -> Confirmation:
        """Begin where the number is right, and still is.

        Raises InvalidInput for a wrong number and where another clean-up is under way,
        LimitReached, OutdatedButton, and otherwise what `look` raises.
        """
        self._admit()
        clean = await self._own(caller, clean_id)
        if clean.started_at:
            raise _begun_already()
        _check_number(typed, clean.counted)
        connection = may_delete(await self._accounts.load(caller), clean.tenant)
        if (now := await self._counting.again(connection, clean)).counted != clean.counted:
            _check_size(now.counted)
            if not await self._kept.save_unconfirmed(now):
                raise _begun_already()
            return Confirmation(now, was=clean.counted)
        return Confirmation(await self._begun(clean), at_work=await self._is_at_work())

    async def ask_again(self, account: Account, clean_id: str) -> Cleanup:
        """A new question about what is left of a clean-up that has ended; none where it is empty.

        What arrived or changed after the first count stays outside. Raises OutdatedButton,
        InvalidInput while it is under way, and otherwise what `look` raises.
        """
        self._admit()
        clean = await self._own(account.caller, clean_id)
        if not clean.end_reason:
            raise _begun_already()
        connection = may_delete(account, clean.tenant)
        asked = Cleanup(
            self._new_clean_id(), clean.caller, clean.tenant, clean.filters, 0, clean.until
        )
        asked = await self._counting.again(connection, asked)
        _check_size(asked.counted)
        if asked.counted:
            await self._kept.save_unconfirmed(asked)
        return asked

    async def stop(self, caller: Caller, clean_id: str) -> CleanupProgress:
        """Let it end after the deletes that are on their way; raises OutdatedButton."""
        clean = await self._own(caller, clean_id)
        if clean.end_reason == INTERRUPTED:
            clean = replace(clean, end_reason="stopped")
            await self._kept.amend(clean)
        elif not clean.end_reason:
            await self._kept.request_stop(clean_id, caller.user_id)
        return await self._progress(clean, "stopping")

    async def running(self, caller: Caller) -> list[Cleanup]:
        """The clean-ups under way in the caller's workspace, of all users: for administrators."""
        found = await self._kept.running(MOST_SHOWN)
        return [clean for clean in found if _is_of_workspace(clean, caller)]

    async def stop_any(self, administrator: Caller, clean_id: str) -> tuple[Cleanup, bool]:
        """Stop anybody's clean-up in the workspace; False where it has ended already.

        Its owner gets a message that names the person. Raises OutdatedButton.
        """
        clean = await self._kept.load(clean_id)
        if clean is None or not _is_of_workspace(clean, administrator):
            raise OutdatedButton("/emporix audit")
        return clean, await self._kept.request_stop(clean_id, administrator.user_id)

    async def report(self, clean_id: str) -> CleanupProgress | None:
        """How it ended; None while it goes on."""
        clean = await self._kept.load(clean_id)
        return await self._progress(clean, "ended") if clean and clean.end_reason else None

    def _admit(self) -> None:
        if not self._allowed:
            raise DeletesOff("clean-ups")

    async def _own(self, caller: Caller, clean_id: str) -> Cleanup:
        clean = await self._kept.load(clean_id)
        if clean is None or clean.caller != caller:
            raise OutdatedButton(COMMAND)
        return clean

    async def _progress(self, clean: Cleanup, state: str) -> CleanupProgress:
        return CleanupProgress(clean, await self._results.count(clean.id), state)

    async def _begun(self, clean: Cleanup) -> Cleanup:
        now = self._clock()
        begun = replace(clean, started_at=now)
        if not await self._kept.start(begun, now):
            raise InvalidInput(
                "Another clean-up of yours is under way in this tenant",
                advice="Wait for its end, or stop it.",
            )
        return begun

    async def _is_at_work(self) -> bool:
        return (await self._workers.status(self._clock())).alive > 0


def _is_of_workspace(clean: Cleanup, caller: Caller) -> bool:
    theirs = (clean.caller.enterprise_id, clean.caller.team_id)
    return theirs == (caller.enterprise_id, caller.team_id)


def _begun_already() -> InvalidInput:
    return InvalidInput(
        "This clean-up has already begun", advice="My direct messages show its progress."
    )


def _check_size(counted: int) -> None:
    if counted > MOST:
        raise InvalidInput(
            f"{counted:,} jobs fit, and at most {MOST:,} are deleted in one go",
            advice="Narrow the filters, by since: and until: for example.",
        )


def _check_number(typed: str, counted: int) -> None:
    """The number as people write it: 1204, 1,204 or 1 204."""
    if re.sub(r"[\s.,'’]", "", typed) != str(counted):
        these = "it" if counted == 1 else "them"
        raise InvalidInput(
            "That is not the number of jobs", advice=f"Type {counted} to delete {these}."
        )
