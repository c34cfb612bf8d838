"""/emporix digest resume [name] — it is posted again from its next time on."""

from __future__ import annotations

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("digest resume", "[name]", "Go on with a digest that was paused.")
async def resume(
    text: str, account: Account, digests: Digests, channel: Channel, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await reply("digest/resume", digest=await digests.resume(digest.id, account.caller))


@action(ids.DIGEST_RESUME_GO)
async def resume_from_button(value: str, account: Account, digests: Digests, reply: Reply) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    await reply("digest/resume", digest=await digests.resume(digest_id, account.caller))
