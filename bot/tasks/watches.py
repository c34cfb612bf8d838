"""Watched jobs: looked at when their time comes, and the end of each told once."""

from __future__ import annotations

from bot.clockwork.calls import Errand, Later, Queues, every, task
from bot.emporix.models import Job
from bot.errors import EmporixError, NotFound
from bot.models import Account
from bot.services.accounts import Accounts
from bot.services.jobs import JobCard, Jobs
from bot.services.shared_deletes import SharedDeletes
from bot.services.watches.schedule import duration, wait
from bot.services.watches.watching import Watching
from bot.slack.once import Post
from bot.slack.told_once import ToldOnce
from bot.store.sources import Source
from bot.store.watches import Watch

LOOK_SECONDS = 1.0
MOST_AT_ONCE = 200


@every(LOOK_SECONDS)
async def find_due(watching: Watching, queue: Queues) -> None:
    for source in await watching.take_due(MOST_AT_ONCE):
        await queue.put("watches.look", source.name, source=source.name)


@task("watches.look")
async def look(source: str, now: float, watching: Watching, queue: Queues) -> None:
    """One query for all that somebody watches in a tenant."""
    seen = await watching.look(Source.named(source))
    for ending in seen.endings:
        await queue.put(
            "watches.tell",
            ending.watch.id,
            source=source,
            watch_id=ending.watch.id,
            outcome=ending.outcome,
            at=now,
        )
    if seen.broken:
        await queue.put("watches.give_up", source, source=source, reason=seen.broken, at=now)


@task("watches.tell")
async def tell(
    source: str,
    watch_id: str,
    outcome: str,
    at: float,
    errand: Errand,
    watching: Watching,
    accounts: Accounts,
    jobs: Jobs,
    shared_deletes: SharedDeletes,
    told_once: ToldOnce,
) -> None:
    watch = await watching.named(Source.named(source), watch_id)
    if watch is None:
        return  # told already, or stopped meanwhile
    errand.owner, errand.about = watch.owner, f"job {watch.job_id}, which you were watching"
    account = await accounts.of(watch.owner)
    card = await _card(account, watch, jobs) if outcome == "ended" else None
    if watch.message_ts and card:
        await _change_shown(account, watch, jobs, shared_deletes, told_once)
    await _tell(watch, outcome, at, card.job if card else None, told_once)
    await watching.over(watch)


@task("watches.give_up")
async def give_up(
    source: str, reason: str, at: float, watching: Watching, told_once: ToldOnce
) -> None:
    """The connection does not work any more; its owner hears so once."""
    broken = Source.named(source)
    watches = await watching.of(broken)
    if not watches:
        return
    facts = {"tenant": broken.tenant, "reason": reason, "count": len(watches)}
    name = f"watch:{watches[0].id}:broken"
    await told_once.directly(name, broken.owner, at, "jobs/watch.broken", **facts)
    await watching.end_all(broken.owner, broken.tenant)


async def _card(account: Account, watch: Watch, jobs: Jobs) -> JobCard | None:
    try:
        return await jobs.get(account, watch.job_id, watch.tenant)
    except NotFound:
        return None
    except EmporixError as error:  # whether the connection is broken, the next look will tell
        raise Later(wait(error), str(error)) from error


async def _change_shown(
    account: Account,
    watch: Watch,
    jobs: Jobs,
    shared_deletes: SharedDeletes,
    told_once: ToldOnce,
) -> None:
    """Card or row in the channel as it is now; in turn, so that no notice of a delete is undone."""
    async with shared_deletes.editing(watch.owner, f"{watch.channel_id}:{watch.message_ts}"):
        if card := await _card(account, watch, jobs):
            place = watch.channel_id, watch.message_ts
            if watch.shared_by:
                facts = {"card": card, "shared_by": watch.shared_by}
                await told_once.change(*place, "jobs/share.card", **facts)
            else:
                shown = watch.tenant, watch.job_id
                row = {"job": card.job, "tenant": watch.tenant}
                await told_once.change_row(*place, shown, "jobs/share.row", **row)


async def _tell(
    watch: Watch, outcome: str, at: float, job: Job | None, told_once: ToldOnce
) -> None:
    """In the thread where they said that they watch; directly where that is not possible."""
    facts = {
        "outcome": outcome,
        "tenant": watch.tenant,
        "job_id": watch.job_id,
        "job": job,
        "seconds": duration(job) if job else None,
    }
    name, owner = f"watch:{watch.id}", watch.owner
    if watch.channel_id:
        post = Post(name, owner.team_id, watch.channel_id, at, watch.message_ts)
        if await told_once.in_channel(post, "jobs/watch.over", user_id=owner.user_id, **facts):
            return
    await told_once.directly(f"{name}:direct", owner, at, "jobs/watch.over", user_id="", **facts)
