"""/emporix digest resume [name] — it is posted again from its next time on, by your connection."""

from __future__ import annotations

from bot.models import Account, Digest
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply


@command("digest resume", "[name]", "Resume a paused digest; it then runs on your connection.")
async def resume(
    text: str, account: Account, digests: Digests, channel: Channel, people: People, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await reply("digest/resume", digest=await resumed(digest, account, digests, people))


@action(ids.DIGEST_RESUME_GO)
async def resume_from_button(
    value: str, account: Account, digests: Digests, people: People, reply: Reply
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    await reply("digest/resume", digest=await resumed(digest, account, digests, people))


async def resumed(digest: Digest, account: Account, digests: Digests, people: People) -> Digest:
    """Runs on the connection of the person who resumes it; raises NotConnected."""
    await people.must_be_in(digest.channel_id)
    changed = await digests.resume(digest.id, account)
    await people.notify(changed.before.owner, "digest/by_others", digest=digest, act="resume")
    return changed.digest
