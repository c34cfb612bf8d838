"""/emporix digest pause [name] — nothing is posted until it is resumed."""

from __future__ import annotations

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("digest pause", "[name]", "Stop posting a digest until it is resumed.")
async def pause(
    text: str, account: Account, digests: Digests, channel: Channel, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await reply("digest/pause", digest=await digests.pause(digest.id, account.caller))


@action(ids.DIGEST_PAUSE_GO)
async def pause_from_button(value: str, account: Account, digests: Digests, reply: Reply) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    await reply("digest/pause", digest=await digests.pause(digest_id, account.caller))
