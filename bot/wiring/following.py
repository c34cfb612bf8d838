"""What there is for watched jobs and for alerts."""

from __future__ import annotations

from collections.abc import Callable

from bot.services.alerts.alerts import Alerts
from bot.services.alerts.course import AlertCourse
from bot.services.alerts.looks import AlertLooks
from bot.services.jobs import Jobs
from bot.services.jobs_by_id import JobsById
from bot.services.naming import NamedJobs
from bot.services.watches.watching import Watching
from bot.store.accounts import AccountStore
from bot.store.alerts import AlertStore, new_alert_id
from bot.store.connection import Commands
from bot.store.vault import Vault
from bot.store.watches import WatchStore, new_watch_id


def following(
    redis: Commands,
    keys: Vault,
    emporix: NamedJobs,
    jobs: Jobs,
    accounts: AccountStore,
    clock: Callable[[], float],
) -> dict[str, object]:
    """The services of both, by name."""
    watches, alerts = WatchStore(redis, keys), AlertStore(redis, keys)
    found = JobsById(emporix)
    course = AlertCourse(alerts, clock)
    return {
        "watching": Watching(
            jobs,
            found,
            watches,
            accounts,
            new_watch_id=new_watch_id,
            clock=clock,
        ),
        "alerts": Alerts(emporix, alerts, course, new_alert_id=new_alert_id, clock=clock),
        "alert_course": course,
        "alert_looks": AlertLooks(emporix, found, alerts, accounts, clock),
        "alert_store": alerts,
        "watch_store": watches,
    }
