"""/emporix digest list — lists the channel's digests, and the user's digests elsewhere."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.services.digests.digests import DigestService
from bot.slack.conversations import Channel
from bot.slack.decorators import command
from bot.slack.reply import Reply
from bot.store.digests import DigestStore


@command(
    "digest list",
    "",
    "List this channel's digests, to change, pause, delete or take them over.",
    also=("digests", "digest off", "digest stop", "digest change"),
    audit=None,
)
async def list_digests(
    account: Account,
    digests: DigestService,
    digest_store: DigestStore,
    channel: Channel,
    reply: Reply,
) -> None:
    caller, channel_id = account.caller, channel.id
    await reply(
        "digest/list",
        channel_id=channel_id,
        user_id=caller.user_id,
        digests=await digest_store.of_channel(caller.team_id, channel_id),
        elsewhere=await digests.of_owner_elsewhere(caller, channel_id),
    )
