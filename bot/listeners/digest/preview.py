"""/emporix digest preview [name] — what it would tell now; for you alone, by your own key."""

from __future__ import annotations

from bot.errors import NoSuchDigest
from bot.models import Account, Digest, Slot
from bot.say import ids
from bot.say.state import unpack
from bot.services.accounts import connection
from bot.services.digests import course
from bot.services.digests.digests import Digests
from bot.services.digests.history import Histories
from bot.services.digests.report import Reports
from bot.services.filters import LocalClock
from bot.slack.channel import Channel
from bot.slack.digest_forms import DigestForms
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("digest preview", "[name]", "What a digest would tell now; only you see it.", audit=None)
async def preview(
    text: str,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    reports: Reports,
    histories: Histories,
    digest_forms: DigestForms,
    channel: Channel,
    reply: Reply,
) -> None:
    try:
        digest = await digests.named(account.caller, channel.id, text)
    except NoSuchDigest as error:
        if error.names or text:
            raise
        digest = await digest_forms.proposed(account, clock, channel.id)
    await _show(digest, account, clock.now(), reports, histories, reply)


@action(ids.DIGEST_PREVIEW_SHOW, audit=None)
async def preview_from_button(
    value: str,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    reports: Reports,
    histories: Histories,
    reply: Reply,
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    await _show(digest, account, clock.now(), reports, histories, reply)


async def _show(
    digest: Digest,
    account: Account,
    now: float,
    reports: Reports,
    histories: Histories,
    reply: Reply,
) -> None:
    held = connection(account, digest.tenant)
    window = course.window(digest, Slot("", now))
    report = await reports.read(held, digest.filters, window)
    history = None
    if digest.chart and not report.is_quiet:
        history = await histories.read(held, digest.filters, digest.schedule.zone, now)
    await reply("digest/preview", digest=digest, report=report, history=history)
