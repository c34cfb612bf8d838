"""/emporix jobs unwatch <id> — you will not hear of that job's end."""

from __future__ import annotations

from bot.models import Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.job_ids import job_id
from bot.services.watches.watching import Watching
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("jobs unwatch", "<id>", "Stop watching a job.")
async def unwatch(text: str, caller: Caller, watching: Watching, reply: Reply) -> None:
    wanted = job_id(text)
    await reply("jobs/unwatch", job_id=wanted, stopped=await watching.stop(caller, "", wanted))


@action(ids.JOBS_UNWATCH_STOP, replaces=True)
async def stop(value: str, caller: Caller, watching: Watching, reply: Reply) -> None:
    state = unpack(value, ids.STATE_JOB)
    wanted = str(state["job"])
    stopped = await watching.stop(caller, str(state["tenant"]), wanted)
    await reply("jobs/unwatch", replace=True, job_id=wanted, stopped=stopped)
