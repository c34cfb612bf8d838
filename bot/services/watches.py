"""Watched jobs: who watches what, when to check them, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded
from bot.domain.accounts import Account, Caller, PolledConnection
from bot.domain.times import parse_time
from bot.domain.watches import NO_MESSAGE, MessageRef, Watch
from bot.emporix.models import Job
from bot.errors import EmporixError, Forbidden, InvalidInput, NotConnected, Unauthorized
from bot.services.accounts import require_connection
from bot.services.jobs import FoundJobs, JobCard, JobsById, JobService
from bot.store.accounts import AccountStore
from bot.store.watches import WatchStore

RUNNING = "in_progress"

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0  # seconds between two looks
"""Seconds for which Emporix is left alone at most, whatever it says."""

GIVES_UP_AFTER = 24 * 60 * 60.0

Outcome = Literal["ended", "gone", "given_up"]


@dataclass(frozen=True, slots=True)
class Ending:
    """A watch that is over."""

    watch: Watch
    outcome: Outcome


def pause(watched: float) -> float:
    """Seconds until the next look at a job that has been watched for so long: each pause is half as
    long again as the one before.
    """
    return min(LONGEST_PAUSE, max(FIRST_PAUSE, watched / 2))


def wait(error: EmporixError) -> float:
    """Seconds for which Emporix is left alone after it has failed."""
    return bounded(
        error.retry_after or 0.0, least=LONGEST_PAUSE / 2, most=MAX_EMPORIX_PAUSE_SECONDS
    )


def shortest_pause(watches: Iterable[Watch], endings: Iterable[Ending], now: float) -> float:
    """Until the next look at those of a source that are still running; the youngest decides."""
    over = {ending.watch.id for ending in endings}
    pauses = [pause(now - watch.since) for watch in watches if watch.id not in over]
    return min(pauses, default=LONGEST_PAUSE)


def endings_of(watches: Iterable[Watch], found: FoundJobs, now: float) -> Iterable[Ending]:
    """The watches that are over, by what was found; what nothing is known of goes on."""
    for watch in watches:
        job = found.there.get(watch.job_id)
        if job and job.status != RUNNING:
            yield Ending(watch, "ended")
        elif watch.job_id in found.gone:
            yield Ending(watch, "gone")
        elif now - watch.since >= GIVES_UP_AFTER:
            yield Ending(watch, "given_up")


def duration(job: Job) -> float | None:
    """Seconds from a job's creation to its last change; None where either is not known."""
    created, modified = parse_time(job.created_at), parse_time(job.modified_at)
    return max(0.0, (modified - created).total_seconds()) if created and modified else None


MOST = 50
"""Jobs that one user may watch: as many as one query finds."""

STRIKES = 3
"""Looks in a row at which Emporix does not accept the key, before that is believed."""


@dataclass(frozen=True, slots=True)
class Started:
    """`already` was watched before; `watched` is False where the job has ended."""

    card: JobCard
    watched: bool
    already: bool = False


@dataclass(frozen=True, slots=True)
class WatchCheck:
    """What a look at a source has shown; `broken` is the template of the error that ends it."""

    endings: tuple[Ending, ...] = ()
    broken: str = ""


class WatchService:
    """Watched jobs. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(
        self,
        jobs: JobService,
        found: JobsById,
        kept: WatchStore,
        accounts: AccountStore,
        *,
        new_watch_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._jobs, self._found, self._kept, self._accounts = jobs, found, kept, accounts
        self._sources, self._new_watch_id, self._clock = kept.connections, new_watch_id, clock

    async def start(
        self, account: Account, job_id: str, tenant: str = "", place: MessageRef = NO_MESSAGE
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
        watches = await self._kept.of_owner(caller, tenant)
        tenants = [watch.tenant for watch in watches if watch.job_id == job_id]
        return any([await self._kept.remove(caller, name, job_id) for name in tenants])

    async def named(self, source: PolledConnection, watch_id: str) -> Watch | None:
        """The watch of that id; None where it is over."""
        watches = await self._kept.of_owner(source.owner, source.tenant)
        return next((watch for watch in watches if watch.id == watch_id), None)

    async def end_all(self, caller: Caller, tenant: str) -> int:
        """Stop watching all jobs of a tenant; gives how many there were."""
        watches = await self._kept.of_owner(caller, tenant)
        for watch in watches:
            await self._kept.remove(caller, tenant, watch.job_id)
        await self._sources.clear_failures(PolledConnection(caller, tenant))
        return len(watches)

    async def look(self, source: PolledConnection) -> WatchCheck:
        """Ask for all jobs that are watched there, and set the time of the next look.

        A watch whose end is told here stays until it is removed, so that a crash loses no word.
        """
        watches, now = await self._kept.of_owner(source.owner, source.tenant), self._clock()
        if not watches:  # none, or none that this worker can open
            await self._sources.schedule(source, now + LONGEST_PAUSE)
            return WatchCheck()
        try:
            found = await self._ask(source, watches, now)
        except (NotConnected, Unauthorized, Forbidden) as error:
            return await self._struck(source, error, now)
        except EmporixError as error:
            await self._sources.schedule(source, now + wait(error))
            return WatchCheck()
        await self._sources.clear_failures(source)
        endings = tuple(endings_of(watches, found, now))
        await self._sources.schedule(source, now + shortest_pause(watches, endings, now))
        return WatchCheck(endings)

    async def _ask(
        self, source: PolledConnection, watches: Sequence[Watch], now: float
    ) -> FoundJobs:
        account = await self._accounts.load(source.owner)
        connection = require_connection(account, source.tenant)
        ids = [watch.job_id for watch in watches]
        return await self._found.find(connection, ids, first=int(now / FIRST_PAUSE))

    async def _struck(
        self, source: PolledConnection, error: NotConnected | EmporixError, now: float
    ) -> WatchCheck:
        """A key is believed to be gone for good when it was refused some times in a row."""
        strikes = await self._sources.count_failure(source)
        await self._sources.schedule(source, now + LONGEST_PAUSE)
        certain = isinstance(error, NotConnected) or strikes >= STRIKES
        return WatchCheck(broken=error.template if certain else "")
