"""/emporix digest pause [name] — nothing is posted until it is resumed."""

from __future__ import annotations

from bot.models import Account, Digest
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply


@command("digest pause", "[name]", "Stop posting a digest until it is resumed.")
async def pause(
    text: str, account: Account, digests: Digests, channel: Channel, people: People, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await _pause(digest, digests, people, reply)


@action(ids.DIGEST_PAUSE_GO)
async def pause_from_button(
    value: str, account: Account, digests: Digests, people: People, reply: Reply
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    if digest.owner != account.caller:  # owners may stop theirs from wherever they are
        await people.must_be_in(digest.channel_id)
    await _pause(digest, digests, people, reply)


async def _pause(digest: Digest, digests: Digests, people: People, reply: Reply) -> None:
    changed = await digests.pause(digest.id, people.caller)
    await reply("digest/pause", digest=changed.digest)
    await people.notify(changed.before.owner, "digest/by_others", digest=digest, act="pause")
