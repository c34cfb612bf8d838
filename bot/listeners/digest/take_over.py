"""Take over — let a digest run on your own connection, and go on where it paused."""

from __future__ import annotations

from bot.listeners.digest.resume import resumed
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.hear import action
from bot.slack.people import People
from bot.slack.reply import Reply


@action(ids.DIGEST_TAKE_OVER_TAKE)
async def take_over(
    value: str, account: Account, digests: Digests, people: People, reply: Reply
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    await reply("digest/take_over", digest=await resumed(digest, account, digests, people))
