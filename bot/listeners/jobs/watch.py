"""/emporix jobs watch [id] — hear when a running job ends; without an id, the jobs you watch."""

from __future__ import annotations

from bot.models import Account, Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.job_ids import job_id
from bot.services.watches.schedule import duration
from bot.services.watches.watching import NOWHERE, Place, Started, Watching
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command(
    "jobs watch",
    "[id]",
    "Hear when a running job ends; without an id, the jobs that you watch.",
    also=("jobs watching",),
)
async def watch_job(text: str, account: Account, watching: Watching, reply: Reply) -> None:
    if not text:
        await reply("jobs/watch.list", watches=await watching.all_of(account.caller))
        return
    await _say(await watching.start(account, job_id(text)), NOWHERE, reply)


@action(ids.JOBS_WATCH_START)
async def start(
    value: str, account: Account, watching: Watching, channel: Channel, reply: Reply
) -> None:
    state = unpack(value, ids.STATE_WATCH)
    place = NOWHERE
    if channel.is_shared:
        place = Place(channel.id, channel.message_ts, str(state.get("by", "")))
    started = await watching.start(account, str(state["job"]), str(state["tenant"]), place)
    await _say(started, place, reply)


@action(ids.JOBS_WATCH_STOP, replaces=True)
async def stop(value: str, caller: Caller, watching: Watching, reply: Reply) -> None:
    state = unpack(value, ids.STATE_JOB)
    await watching.stop(caller, str(state["tenant"]), str(state["job"]))
    await reply("jobs/watch.list", replace=True, watches=await watching.all_of(caller))


async def _say(started: Started, place: Place, reply: Reply) -> None:
    card = started.card
    if not started.watched:
        await reply("jobs/watch.ended", card=card, seconds=duration(card.job))
        return
    await reply(
        "jobs/watch",
        job_id=card.job.id,
        tenant=card.tenant,
        already=started.already,
        in_thread=place != NOWHERE,
    )
