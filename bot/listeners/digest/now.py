"""/emporix digest now [name] — post it at once; what it tells, the next one does not tell again."""

from __future__ import annotations

from bot.models import Account, Digest
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.services.filters import LocalClock
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.alive import Alive


@command("digest now", "[name]", "Post a digest at once.")
async def post_now(
    text: str,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    alive: Alive,
    channel: Channel,
    reply: Reply,
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await _post(digest.id, account, clock, digests, alive, reply)


@action(ids.DIGEST_NOW_POST)
async def post_now_from_button(
    value: str, account: Account, clock: LocalClock, digests: Digests, alive: Alive, reply: Reply
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    await _post(digest_id, account, clock, digests, alive, reply)


async def _post(
    digest_id: str,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    alive: Alive,
    reply: Reply,
) -> None:
    digest: Digest = await digests.ask_now(digest_id, account.caller)
    seen = await alive.seen(clock.now())
    await reply("digest/now", digest=digest, is_at_work=seen.at_work > 0)
