"""Pictures of digests: drawn after these were posted, in a task of their own that fails alone."""

from __future__ import annotations

import logging

from bot.clockwork.calls import Later, task
from bot.errors import DigestRefused, NotConnected
from bot.services.accounts import connection
from bot.services.digests.history import Histories
from bot.slack.digest_channels import DigestChannels
from bot.slack.digest_pictures import DigestPictures, Thread
from bot.slack.told_once import ToldOnce
from bot.store.accounts import AccountStore
from bot.store.digests import DigestStore

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10 * 60.0
"""A picture that comes later than that helps nobody."""


@task("digest_pictures.post")
async def post(
    digest_id: str,
    on: str,
    slot_at: float,
    channel_id: str,
    ts: str,
    upload_at: float,
    now: float,
    digest_store: DigestStore,
    account_store: AccountStore,
    histories: Histories,
    digest_channels: DigestChannels,
    digest_pictures: DigestPictures,
    told_once: ToldOnce,
) -> None:
    if now < upload_at:
        raise Later(upload_at - now, "the next upload is not allowed yet")
    digest = await digest_store.load(digest_id)
    if digest is None or not digest.picture or digest.channel_id != channel_id:
        return  # somebody has changed it meanwhile
    if now > upload_at + PATIENCE_SECONDS:
        return
    name = f"digest:{digest_id}:{on}:picture"
    thread = Thread(name, digest.owner.team_id, channel_id, ts)
    if not await digest_pictures.is_wanted(thread):
        return
    if not await _may_be_shown(channel_id, digest_channels, told_once):
        return
    try:
        held = connection(await account_store.load(digest.owner), digest.tenant)
    except NotConnected:
        return  # the next digest tells of that
    history = await histories.read(held, digest.filters, digest.schedule.zone, slot_at)
    if history.is_enough and await _may_be_shown(channel_id, digest_channels, told_once):
        await digest_pictures.post(thread, digest, history)


async def _may_be_shown(
    channel_id: str, digest_channels: DigestChannels, told_once: ToldOnce
) -> bool:
    """Whether those who read the channel now may see it."""
    try:
        digest_channels.admit(await told_once.audience(channel_id))
    except DigestRefused as refused:
        logger.warning("the picture of a digest is left out: %s", refused)
        return False
    return True
