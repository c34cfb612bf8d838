"""/emporix digest delete [name] — asks first; what it has posted stays."""

from __future__ import annotations

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("digest delete", "[name]", "Delete a digest, after asking.")
async def ask(
    text: str, account: Account, digests: Digests, channel: Channel, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await reply("digest/delete", digest=digest)


@action(ids.DIGEST_DELETE_CONFIRM, replaces=True)
async def delete(value: str, account: Account, digests: Digests, reply: Reply) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.delete(digest_id, account.caller)
    await reply("digest/delete.done", replace=True, digest=digest)


@action(ids.DIGEST_DELETE_KEEP, replaces=True)
async def keep(reply: Reply) -> None:
    await reply("digest/delete.kept", replace=True)
