"""Watched jobs: who watches what, when to check them, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded
from bot.domain.accounts import Account, Caller, PolledConnection, require_connection
from bot.domain.jobs import RUNNING, Job
from bot.domain.times import Clock, parse_time
from bot.domain.watches import NO_MESSAGE, MessageRef, Watch
from bot.errors import EmporixError, InvalidInput, NotConnected
from bot.services.accounts import CONNECTION_ERRORS, MAX_CONNECTION_FAILURES
from bot.services.jobs import JobCard, JobLookup, JobsById, JobService
from bot.store.accounts import AccountStore
from bot.store.watches import WatchStore

MIN_WATCH_INTERVAL_SECONDS, MAX_WATCH_INTERVAL_SECONDS = 5.0, 120.0
"""Seconds for which Emporix is left alone at most, whatever it says."""

MAX_WATCH_SECONDS = 24 * 60 * 60.0

WatchOutcome = Literal["ended", "gone", "given_up"]


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """A watch that is over."""

    watch: Watch
    outcome: WatchOutcome


def watch_interval(watched: float) -> float:
    """Seconds until the next look at a job that has been watched for so long: each pause is half as
    long again as the one before.
    """
    return min(MAX_WATCH_INTERVAL_SECONDS, max(MIN_WATCH_INTERVAL_SECONDS, watched / 2))


def backoff_seconds(error: EmporixError) -> float:
    """Seconds for which Emporix is left alone after it has failed."""
    return bounded(
        error.retry_after or 0.0,
        least=MAX_WATCH_INTERVAL_SECONDS / 2,
        most=MAX_EMPORIX_PAUSE_SECONDS,
    )


def next_interval(watches: Iterable[Watch], endings: Iterable[WatchEnd], now: float) -> float:
    """Until the next look at those of a source that are still running; the youngest decides."""
    over = {ending.watch.id for ending in endings}
    pauses = [watch_interval(now - watch.since) for watch in watches if watch.id not in over]
    return min(pauses, default=MAX_WATCH_INTERVAL_SECONDS)


def ended_watches(watches: Iterable[Watch], found: JobLookup, now: float) -> Iterable[WatchEnd]:
    """The watches that are over, by what was found; what nothing is known of goes on."""
    for watch in watches:
        job = found.found.get(watch.job_id)
        if job and job.status != RUNNING:
            yield WatchEnd(watch, "ended")
        elif watch.job_id in found.gone:
            yield WatchEnd(watch, "gone")
        elif now - watch.since >= MAX_WATCH_SECONDS:
            yield WatchEnd(watch, "given_up")


def job_duration(job: Job) -> float | None:
    """Seconds from a job's creation to its last change; None where either is not known."""
    created, modified = parse_time(job.created_at), parse_time(job.modified_at)
    return max(0.0, (modified - created).total_seconds()) if created and modified else None


MAX_WATCHES = 50
"""Jobs that one user may watch: as many as one query finds."""


@dataclass(frozen=True, slots=True)
class StartedWatch:
    """`already` was watched before; `watched` is False where the job has ended."""

    card: JobCard
    watched: bool
    already: bool = False


@dataclass(frozen=True, slots=True)
class WatchCheck:
    """The watches that have ended; `connection_error`: the template of the error that ends all."""

    endings: tuple[WatchEnd, ...] = ()
    connection_error: str = ""


class WatchService:
    """Watched jobs. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(
        self,
        jobs: JobService,
        found: JobsById,
        store: WatchStore,
        accounts: AccountStore,
        *,
        new_watch_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._jobs, self._jobs_by_id, self._store, self._accounts = jobs, found, store, accounts
        self._connections, self._new_watch_id, self._clock = store.connections, new_watch_id, clock

    async def start(
        self, account: Account, job_id: str, tenant: str = "", place: MessageRef = NO_MESSAGE
    ) -> StartedWatch:
        """Watch a job, unless it has ended.

        Raises InvalidInput for one too many, NotConnected and what Emporix raises.
        """
        card = await self._jobs.get(account, job_id, tenant)
        if card.job.status != RUNNING:
            return StartedWatch(card, watched=False)
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
        added = await self._store.add(watch, now + MIN_WATCH_INTERVAL_SECONDS, MAX_WATCHES)
        if added == "full":
            raise InvalidInput(
                f"You are watching {MAX_WATCHES} jobs, and more are not possible",
                advice="Type /emporix jobs watching to see them, and stop watching some.",
            )
        return StartedWatch(card, watched=True, already=added == "there")

    async def stop(self, caller: Caller, tenant: str, job_id: str) -> bool:
        """Whether it was watched until now; an empty `tenant` means any."""
        watches = await self._store.of_owner(caller, tenant)
        tenants = [watch.tenant for watch in watches if watch.job_id == job_id]
        return any([await self._store.remove(caller, name, job_id) for name in tenants])

    async def find(self, source: PolledConnection, watch_id: str) -> Watch | None:
        """The watch of that id; None where it is over."""
        watches = await self._store.of_owner(source.owner, source.tenant)
        return next((watch for watch in watches if watch.id == watch_id), None)

    async def end_all(self, caller: Caller, tenant: str) -> int:
        """Stop watching all jobs of a tenant; gives how many there were."""
        watches = await self._store.of_owner(caller, tenant)
        for watch in watches:
            await self._store.remove(caller, tenant, watch.job_id)
        await self._connections.clear_failures(PolledConnection(caller, tenant))
        return len(watches)

    async def poll(self, source: PolledConnection) -> WatchCheck:
        """Ask for all jobs that are watched there, and set the time of the next look.

        A watch that has ended stays until it is removed, so that a crash loses no message.
        """
        watches, now = await self._store.of_owner(source.owner, source.tenant), self._clock()
        if not watches:  # none, or none that this worker can open
            await self._connections.schedule(source, now + MAX_WATCH_INTERVAL_SECONDS)
            return WatchCheck()
        try:
            found = await self._look_up(source, watches, now)
        except CONNECTION_ERRORS as error:
            return await self._record_failure(source, error, now)
        except EmporixError as error:
            await self._connections.schedule(source, now + backoff_seconds(error))
            return WatchCheck()
        await self._connections.clear_failures(source)
        endings = tuple(ended_watches(watches, found, now))
        await self._connections.schedule(source, now + next_interval(watches, endings, now))
        return WatchCheck(endings)

    async def _look_up(
        self, source: PolledConnection, watches: Sequence[Watch], now: float
    ) -> JobLookup:
        account = await self._accounts.load(source.owner)
        connection = require_connection(account, source.tenant)
        ids = [watch.job_id for watch in watches]
        return await self._jobs_by_id.find(
            connection, ids, first=int(now / MIN_WATCH_INTERVAL_SECONDS)
        )

    async def _record_failure(
        self, source: PolledConnection, error: NotConnected | EmporixError, now: float
    ) -> WatchCheck:
        """A key is believed to be gone for good when it was refused some times in a row."""
        strikes = await self._connections.count_failure(source)
        await self._connections.schedule(source, now + MAX_WATCH_INTERVAL_SECONDS)
        certain = isinstance(error, NotConnected) or strikes >= MAX_CONNECTION_FAILURES
        return WatchCheck(connection_error=error.template if certain else "")
