"""/emporix jobs get <id> — one job, whole; the id may be in a link to the dashboard."""

from __future__ import annotations

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.job_ids import job_id
from bot.services.jobs import Jobs
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("jobs get", "<id>", "One job: every field it has and its whole agent message.")
async def get_job(text: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    await reply("jobs/get", card=await jobs.get(account, job_id(text)))


@action(ids.JOBS_GET_OPEN)
async def open_job(value: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    state = unpack(value, ids.STATE_JOB)
    card = await jobs.get(account, str(state["job"]), str(state["tenant"]))
    await reply("jobs/get", card=card)
