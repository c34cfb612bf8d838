"""Following running jobs until they end: who watches what, when to look, and what has happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.errors import (
    EmporixError,
    Forbidden,
    InvalidInput,
    NotConnected,
    Unauthorized,
)
from bot.models import Account, Caller
from bot.services.accounts import connection
from bot.services.jobs import JobCard, Jobs
from bot.services.jobs_by_id import FoundJobs, JobsById
from bot.services.watches.schedule import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    RUNNING,
    Ending,
    endings_of,
    shortest_pause,
    wait,
)
from bot.store.accounts import AccountStore
from bot.store.sources import Source
from bot.store.watches import Watch, WatchStore

MOST = 50
"""Jobs that one user may watch: as many as one query finds."""

STRIKES = 3
"""Looks in a row at which Emporix does not accept the key, before that is believed."""


@dataclass(frozen=True, slots=True)
class Place:
    """The message for all in which Watch was pressed; empty where only the presser sees it."""

    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Started:
    """`already` was watched before; `watched` is False where the job has ended."""

    card: JobCard
    watched: bool
    already: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a source has shown; `broken` is the template of the error that ends it."""

    endings: tuple[Ending, ...] = ()
    broken: str = ""


class Watching:
    """Watched jobs. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(
        self,
        jobs: Jobs,
        found: JobsById,
        kept: WatchStore,
        accounts: AccountStore,
        *,
        new_watch_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._jobs, self._found, self._kept, self._accounts = jobs, found, kept, accounts
        self._sources, self._new_watch_id, self._clock = kept.sources, new_watch_id, clock

    async def start(
        self, account: Account, job_id: str, tenant: str = "", place: Place = NOWHERE
    ) -> Started:
        """Watch a job, unless it has ended.

        Raises InvalidInput for one too many, NotConnected and what Emporix raises.
        """
        card = await self._jobs.get(account, job_id, tenant)
        if card.job.status != RUNNING:
            return Started(card, watched=False)
        now = self._clock()
        watch = Watch(
            id=self._new_watch_id(),
            owner=account.caller,
            tenant=card.tenant,
            job_id=card.job.id,
            since=now,
            channel_id=place.channel_id,
            message_ts=place.message_ts,
            shared_by=place.shared_by,
        )
        added = await self._kept.add(watch, now + FIRST_PAUSE, MOST)
        if added == "full":
            raise InvalidInput(
                f"You are watching {MOST} jobs, and more are not possible",
                advice="Type /emporix jobs watching to see them, and stop watching some.",
            )
        return Started(card, watched=True, already=added == "there")

    async def stop(self, caller: Caller, tenant: str, job_id: str) -> bool:
        """Whether it was watched until now; an empty `tenant` means any."""
        watches = await self._kept.of(caller, tenant)
        tenants = [watch.tenant for watch in watches if watch.job_id == job_id]
        return any([await self._kept.remove(caller, name, job_id) for name in tenants])

    async def named(self, source: Source, watch_id: str) -> Watch | None:
        """The watch of that id; None where it is over."""
        watches = await self._kept.of(source.owner, source.tenant)
        return next((watch for watch in watches if watch.id == watch_id), None)

    async def end_all(self, caller: Caller, tenant: str) -> int:
        """Stop watching all jobs of a tenant; gives how many there were."""
        watches = await self._kept.of(caller, tenant)
        for watch in watches:
            await self._kept.remove(caller, tenant, watch.job_id)
        await self._sources.clear_strikes(Source(caller, tenant))
        return len(watches)

    async def look(self, source: Source) -> Look:
        """Ask for all jobs that are watched there, and set the time of the next look.

        A watch whose end is told here stays until it is removed, so that a crash loses no word.
        """
        watches, now = await self._kept.of(source.owner, source.tenant), self._clock()
        if not watches:  # none, or none that this worker can open
            await self._sources.look_again(source, now + LONGEST_PAUSE)
            return Look()
        try:
            found = await self._ask(source, watches, now)
        except (NotConnected, Unauthorized, Forbidden) as error:
            return await self._struck(source, error, now)
        except EmporixError as error:
            await self._sources.look_again(source, now + wait(error))
            return Look()
        await self._sources.clear_strikes(source)
        endings = tuple(endings_of(watches, found, now))
        await self._sources.look_again(source, now + shortest_pause(watches, endings, now))
        return Look(endings)

    async def _ask(self, source: Source, watches: Sequence[Watch], now: float) -> FoundJobs:
        account = await self._accounts.load(source.owner)
        held = connection(account, source.tenant)
        ids = [watch.job_id for watch in watches]
        return await self._found.find(held, ids, first=int(now / FIRST_PAUSE))

    async def _struck(self, source: Source, error: NotConnected | EmporixError, now: float) -> Look:
        """A key is believed to be gone for good when it was refused some times in a row."""
        strikes = await self._sources.strike(source)
        await self._sources.look_again(source, now + LONGEST_PAUSE)
        certain = isinstance(error, NotConnected) or strikes >= STRIKES
        return Look(broken=error.template if certain else "")
