"""A clean-up as people ask for it: counted, confirmed, stopped, and let go on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from bot.errors import InvalidInput, OutdatedButton
from bot.models import Account, Caller, Filters
from bot.services.cleans.bounds import check
from bot.services.cleans.counting import Counting, Preview
from bot.services.cleans.progress import Progress
from bot.services.deletes import may_delete
from bot.store.alive import Seen
from bot.store.cleans import Clean

MOST = 10_000
"""Jobs in one clean-up: some ten minutes of deletes."""

COMMAND = "/emporix jobs clean"


class Accounts(Protocol):
    """Where accounts are kept."""

    async def load(self, caller: Caller) -> Account: ...


class Keeps(Protocol):
    """Where clean-ups are kept."""

    async def load(self, clean_id: str) -> Clean | None: ...
    async def save(self, clean: Clean) -> None: ...
    async def begin(self, clean: Clean, now: float) -> bool: ...
    async def ask_to_stop(self, clean_id: str) -> None: ...


class Results(Protocol):
    """What has become of the jobs of clean-ups."""

    async def tally(self, clean_id: str) -> Counter[str]: ...


class Workers(Protocol):
    """Which workers are at work."""

    async def seen(self, now: float) -> Seen: ...


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`was` is the number that was shown before, where that is not the number any more.

    Then nothing has begun, and the new number is to be confirmed. `at_work`: some worker is.
    """

    clean: Clean
    was: int | None = None
    at_work: bool = True


class Cleaning:
    """Clean-ups of users. Every method raises StoreUnavailable."""

    def __init__(
        self,
        counting: Counting,
        accounts: Accounts,
        kept: Keeps,
        results: Results,
        workers: Workers,
        *,
        clock: Callable[[], float],
        new_clean_id: Callable[[], str],
    ) -> None:
        self._counting, self._accounts, self._kept = counting, accounts, kept
        self._results, self._workers = results, workers
        self._clock, self._new_clean_id = clock, new_clean_id

    async def look(self, account: Account, filters: Filters) -> Preview:
        """Count the jobs and keep the question, unless there are none.

        Raises InvalidInput for filters that may not be cleaned by, and for what cannot be counted
        or is too much; NotConnected, MissingScope, and what Emporix raises.
        """
        check(filters)
        held = may_delete(account, filters.tenant)
        until, in_all = await self._counting.bound(held, filters)
        clean = Clean(self._new_clean_id(), account.caller, held.tenant, filters, 0, until)
        if not until:
            return Preview(clean, staying=in_all)
        preview = await self._counting.preview(held, clean, in_all)
        _check_size(preview.clean.counted)
        await self._kept.save(preview.clean)
        return preview

    async def confirm(self, caller: Caller, clean_id: str, typed: str) -> Confirmation:
        """Begin where the number is right, and still is.

        Raises InvalidInput for a wrong number and where another clean-up is under way,
        OutdatedButton, and otherwise what `look` raises.
        """
        clean = await self._own(caller, clean_id)
        if clean.begun_at:
            raise InvalidInput(
                "This clean-up has begun already", advice="How far it is, my messages to you say."
            )
        _check_number(typed, clean.counted)
        held = may_delete(await self._accounts.load(caller), clean.tenant)
        if (now := await self._counting.again(held, clean)).counted != clean.counted:
            _check_size(now.counted)
            await self._kept.save(now)
            return Confirmation(now, was=clean.counted)
        return Confirmation(await self._begun(clean), at_work=await self._is_at_work())

    async def stop(self, caller: Caller, clean_id: str) -> Progress:
        """Let it end after the deletes that are on their way; raises OutdatedButton."""
        clean = await self._own(caller, clean_id)
        if not clean.why:
            await self._kept.ask_to_stop(clean_id)
        return await self._progress(clean, "stopping")

    async def go_on(self, caller: Caller, clean_id: str) -> Progress:
        """Let it go on with the jobs that are left; raises OutdatedButton and InvalidInput."""
        clean = await self._own(caller, clean_id)
        if clean.why:
            clean = await self._begun(replace(clean, why="", ended_at=0, idle=0))
        return await self._progress(clean, "waiting")

    async def report(self, clean_id: str) -> Progress | None:
        """How it ended; None while it goes on."""
        clean = await self._kept.load(clean_id)
        return await self._progress(clean, "ended") if clean and clean.why else None

    async def _own(self, caller: Caller, clean_id: str) -> Clean:
        clean = await self._kept.load(clean_id)
        if clean is None or clean.caller != caller:
            raise OutdatedButton(COMMAND)
        return clean

    async def _progress(self, clean: Clean, state: str) -> Progress:
        return Progress(clean, await self._results.tally(clean.id), state)

    async def _begun(self, clean: Clean) -> Clean:
        now = self._clock()
        begun = replace(clean, begun_at=clean.begun_at or now)
        if not await self._kept.begin(begun, now):
            raise InvalidInput(
                "Another clean-up of yours is under way in this tenant",
                advice="Wait for its end, or stop it.",
            )
        return begun

    async def _is_at_work(self) -> bool:
        return (await self._workers.seen(self._clock())).at_work > 0


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
