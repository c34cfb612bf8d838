"""Share, in a modal — says who will see it, and posts it into a thread or a channel.

A person may leave a channel while the form is open, so membership is checked before each step.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.listeners.jobs.share import post
from bot.models import Audience, Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.accounts import Accounts
from bot.services.jobs import Jobs
from bot.services.sharing import Sharing
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.people import People
from bot.slack.place import Place
from bot.store.audit_events import AuditEvent


@action(ids.JOBS_SHARE_FOUND_ASK, at_once=True, audit=None)
async def ask(
    value: str, memory: str, sharing: Sharing, place: Place, people: People, modal: Modal
) -> None:
    await modal.open("jobs/share_found.looking")
    what = {**unpack(value, ids.STATE_JOB), **unpack(memory, ids.STATE_PLACE)}
    await _ask(what, sharing, place, people, modal)


@action(ids.JOBS_SHARE_FOUND_CHOOSE, at_once=True, audit=None)
async def choose(value: str, modal: Modal) -> None:
    state = unpack(value, ids.STATE_CURSOR)
    await modal.open("jobs/share_found.choose", cursor=state["cursor"], page=state["page"])


@submission(ids.JOBS_SHARE_FOUND_CHOSEN, audit=None)
async def ask_about_channel(
    values: Mapping[str, str],
    memory: str,
    sharing: Sharing,
    place: Place,
    people: People,
    modal: SubmittedModal,
) -> None:
    await modal.update("jobs/share_found.looking")
    what = unpack(memory, ids.STATE_SHARE_TO) | {"channel": values["channel"]}
    await _ask(what, sharing, place, people, modal)


@submission(ids.JOBS_SHARE_FOUND_CONFIRM, audit=AuditEvent.JOBS_SHARED)
async def share(
    caller: Caller,
    memory: str,
    accounts: Accounts,
    jobs: Jobs,
    sharing: Sharing,
    place: Place,
    people: People,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    state = unpack(memory, ids.STATE_SHARE_TO)
    await modal.update("jobs/share_found.posting")
    audit_entry.channel_id = str(state["channel"])
    channel = place.channel_at(str(state["channel"]), thread_ts=str(state["thread"]))
    account, audience = await accounts.of(caller), await _admitted(channel, sharing, people)
    async with sharing.once(caller, modal.id) as step:
        if step == "new":
            await post(state, account, jobs, sharing, channel, audit_entry)
        else:
            audit_entry.skip()
    await modal.update("jobs/share_found.done", step=step, channel_id=audience.channel_id)


async def _ask(
    what: Mapping[str, str | int], sharing: Sharing, place: Place, people: People, modal: Modal
) -> None:
    """Who will see it, before anybody does."""
    audience = await _admitted(place.channel_at(str(what["channel"])), sharing, people)
    await modal.update("jobs/share_found", audience=audience, state=what)


async def _admitted(channel: Channel, sharing: Sharing, people: People) -> Audience:
    """Who reads a channel. Raises ShareRefused, and NotInChannel where the user does not."""
    audience = await channel.audience()
    sharing.admit(audience)
    await people.must_be_in(channel.id)
    return audience
