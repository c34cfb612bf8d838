"""Alerts: looked after when their time comes, and what is news posted once."""

from __future__ import annotations

from functools import partial

from bot.clockwork.calls import Errand, Later, Queues, every, task
from bot.errors import EmporixError, ShareRefused
from bot.services.alerts.arranging import arrange, remembered
from bot.services.alerts.course import AlertCourse
from bot.services.alerts.looks import BROKEN, AlertLooks, Looked, wait
from bot.services.sharing import Sharing
from bot.slack.alert_posts import AlertPosts, shown_ids
from bot.slack.once import Post, PostRefused
from bot.slack.told_once import ToldOnce
from bot.store.alert_records import Alert, Batch
from bot.store.sources import Source

LOOK_SECONDS = 1.0
MOST_AT_ONCE = 200
OWNER_GONE = "owner_gone"

ORPHANED = {OWNER_GONE, *(error.template for error in BROKEN)}
"""Reasons to pause that somebody else in the channel can mend."""


@every(LOOK_SECONDS)
async def find_due(alert_course: AlertCourse, queue: Queues) -> None:
    for source in await alert_course.take_due(MOST_AT_ONCE):
        await queue.put("alerts.look", source.name, source=source.name)


@task("alerts.look")
async def look(source: str, now: float, alert_looks: AlertLooks, queue: Queues) -> None:
    """All alerts of a connection, each set of filters once."""
    looked = await alert_looks.look(Source.named(source))
    for alert_id in looked.ready:
        await queue.put("alerts.post", alert_id, alert_id=alert_id)
    await _pause_those(source, looked, now, queue)


@task("alerts.post")
async def post(
    alert_id: str,
    now: float,
    errand: Errand,
    alert_course: AlertCourse,
    alert_looks: AlertLooks,
    sharing: Sharing,
    alert_posts: AlertPosts,
    told_once: ToldOnce,
    queue: Queues,
) -> None:
    alert = await alert_course.load(alert_id)
    if alert is None or alert.batch is None or alert.paused or alert.muted_until > now:
        return
    errand.owner, errand.about = alert.owner, "an alert in a channel"
    errand.otherwise = partial(alert_course.pause, alert.id, "unexpected")
    if not await alert_course.check(alert, told_once.is_gone):
        await _pause_one(alert, OWNER_GONE, now, queue)
        return
    try:
        sharing.admit(await told_once.audience(alert.channel_id))
        await _post(alert, alert.batch, alert_course, alert_looks, alert_posts, told_once)
    except BROKEN as error:
        looked = await alert_looks.struck(alert.source, error)
        await _pause_those(alert.source.name, looked, now, queue)
    except EmporixError as error:
        raise Later(wait(error, [alert], now), str(error)) from error
    except (ShareRefused, PostRefused) as refused:
        await _pause_one(alert, refused.reason, now, queue)


@task("alerts.pause")
async def pause(
    source: str,
    alert_id: str,
    reason: str,
    at: float,
    alert_course: AlertCourse,
    told_once: ToldOnce,
) -> None:
    """One alert, or all of a connection; their owner hears so once, and their channels."""
    broken = Source.named(source)
    running = [one for one in await alert_course.running(broken) if alert_id in ("", one.id)]
    if not running:
        return
    if reason != OWNER_GONE:
        facts = {"reason": reason, "tenant": broken.tenant, "alerts": running}
        name = _paused(running[0], at)
        await told_once.directly(name, broken.owner, at, "alerts/paused", **facts)
    for alert in running:
        if reason in ORPHANED:
            await _tell_channel(alert, reason, at, told_once)
        await alert_course.pause(alert.id, reason)


async def _tell_channel(alert: Alert, reason: str, at: float, told_once: ToldOnce) -> None:
    """Else its silence would read as if nothing failed."""
    post = Post(f"{_paused(alert, at)}:here", alert.owner.team_id, alert.channel_id, at)
    await told_once.in_channel(post, "alerts/orphaned", alert=alert, reason=reason)


def _paused(alert: Alert, at: float) -> str:
    return f"alert:{alert.id}:paused:{at:.0f}"


async def _post(
    alert: Alert,
    batch: Batch,
    alert_course: AlertCourse,
    alert_looks: AlertLooks,
    alert_posts: AlertPosts,
    told_once: ToldOnce,
) -> None:
    """Post a batch, and write down what was posted where."""
    posts = await alert_course.posts(alert)
    plan = arrange(batch, posts)
    jobs = await alert_looks.details(alert, shown_ids(plan))
    ts = await alert_posts.post(alert, batch, plan, jobs)
    if ts is None:
        name = f"alert:{alert.id}:{batch.number}:unknown"
        await told_once.directly(name, alert.owner, batch.at, "alerts/unknown", alert=alert)
    if not await alert_course.done(alert, remembered(posts, plan, batch, ts or "")):
        # For example muted meanwhile: once more, and nothing is posted twice.
        raise Later(1.0, "the alert was changed at the same time")


async def _pause_those(source: str, looked: Looked, now: float, queue: Queues) -> None:
    if looked.broken:
        await queue.put(
            "alerts.pause", source, source=source, alert_id="", reason=looked.broken, at=now
        )
    for alert_id in looked.refused:
        await queue.put(
            "alerts.pause", alert_id, source=source, alert_id=alert_id, reason="filters", at=now
        )


async def _pause_one(alert: Alert, reason: str, now: float, queue: Queues) -> None:
    source = alert.source.name
    await queue.put(
        "alerts.pause", alert.id, source=source, alert_id=alert.id, reason=reason, at=now
    )
