"""Every key in Redis; docs/redis-keys.md explains them.

All keys of one user share the hash tag in braces, so that on a cluster they lie in one slot and one
command may touch several of them.
"""

from __future__ import annotations

from bot.domain.accounts import Caller

PREFIX = "emporix-jobs"

ALL_ACCOUNTS = f"{PREFIX}:{{*}}:account"
"""A pattern for SCAN that fits what `account` gives."""


def canary() -> str:
    """String, sealed: what every process must be able to read before it uses Redis."""
    return f"{PREFIX}:canary"


def probe() -> str:
    """String: written to see whether Redis takes writes."""
    return f"{PREFIX}:probe"


ALL_AUDITS = f"{PREFIX}:{{*}}:audit"
"""The same for what `audit` gives."""


def account(caller: Caller) -> str:
    """Hash: the default tenant, and for each tenant its sealed connection and token."""
    return f"{_user(caller)}:account"


def cursor(caller: Caller, cursor_id: str) -> str:
    """String: one list that a user can turn the pages of."""
    return f"{_user(caller)}:cursor:{cursor_id}"


def cursors(caller: Caller, tenant: str) -> str:
    """Sorted set: the ids of a tenant's cursors by the time they expire."""
    return f"{_user(caller)}:cursors:{tenant}"


def form(caller: Caller, form_id: str) -> str:
    """String, sealed: what a form that a user has open remembers."""
    return f"{_user(caller)}:form:{form_id}"


def home(caller: Caller, name: str) -> str:
    """Of a user's Home tab: its `figures`, a sealed hash; that it was `opened`, a string."""
    return f"{_user(caller)}:home:{name}"


def delivery(caller: Caller, delivery_id: str) -> str:
    """String: a delivery of Slack's that has been taken on."""
    return f"{_user(caller)}:delivery:{delivery_id}"


def token_lock(caller: Caller, tenant: str) -> str:
    """Lock: one process at a time asks for a tenant's new token."""
    return f"{_user(caller)}:token-lock:{tenant}"


def time_zone(caller: Caller) -> str:
    """String: the time zone that a user has set in Slack."""
    return f"{_user(caller)}:time-zone"


def audit(caller: Caller) -> str:
    """Stream: who deleted what in a workspace."""
    return f"{_workspace(caller)}:audit"


def audit_copy(caller: Caller) -> str:
    """Stream: the audit log while a user who is to be forgotten is replaced in it."""
    return f"{_workspace(caller)}:audit:copy"


def deletion(caller: Caller, tenant: str, job_id: str) -> str:
    """String: who deleted a job that was shown in a channel."""
    return f"{_workspace(caller)}:deletion:{tenant}:{job_id}"


def workspace_lock(caller: Caller, name: str) -> str:
    """Lock: one at a time does `name` in a workspace."""
    return f"{_workspace(caller)}:lock:{name}"


def once(caller: Caller, name: str) -> str:
    """String: `name` is being done or has been done in a workspace."""
    return f"{_workspace(caller)}:once:{name}"


SCHEDULED = f"{PREFIX}:{{scheduled}}"
"""Prefix of the keys of scheduled tasks: all in one slot, since commands use several keys."""

QUEUE_NAME = SCHEDULED
"""The name of saq's queue; its keys begin with `saq:` and this."""

ALL_SCHEDULED = f"{SCHEDULED}:*"
"""A pattern for SCAN that fits what belongs to the clock, but for the queue."""

ALL_ALERT_CONNECTIONS = f"{SCHEDULED}:alerts:connection:*"
"""A pattern for SCAN that fits what `alerts_of_connection` gives."""

ALL_WATCHES = f"{SCHEDULED}:watches:*:*:*"
"""A pattern for SCAN that fits what `watches` gives."""

TASK_PREFIX = "{scheduled}"
"""Begins the keys of saq's jobs, some of which hold no name of a queue."""


def workers() -> str:
    """Sorted set: the ids of workers by the time of their last heartbeat."""
    return f"{SCHEDULED}:workers"


def digest(digest_id: str) -> str:
    """Hash: a digest, encrypted; how often it was changed, when it is due, and for which run."""
    return f"{SCHEDULED}:digest:{digest_id}"


def digests_due() -> str:
    """Sorted set: the ids of digests by the time when somebody has to look after them."""
    return f"{SCHEDULED}:due:digests"


def digests_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: a hash of the name of each of a channel's digests, by their ids."""
    return f"{SCHEDULED}:digests:channel:{team_id}:{channel_id}"


def digests_of_owner(caller: Caller) -> str:
    """Set: the ids of the digests that run on a user's connections."""
    return f"{SCHEDULED}:digests:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def digests_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's digests."""
    return f"{SCHEDULED}:digests:team:{team_id}"


def digest_posts_now(digest_id: str) -> str:
    """Sorted set: the versions of a digest that asked for a post at once, by when they did."""
    return f"{SCHEDULED}:digests:now:{digest_id}"


def message(name: str) -> str:
    """String: how far something is that must be posted once; `name` says what, and which time."""
    return f"{SCHEDULED}:message:{name}"


def rate_limit(team_id: str, channel_id: str = "") -> str:
    """Hash: when messages may go to a channel, or to any channel of a workspace."""
    return f"{SCHEDULED}:rate-limit:{team_id}:{channel_id}"


def charts_refused(team_id: str, surface: str) -> str:
    """String: Slack refuses charts in a workspace's messages of that kind."""
    return f"{SCHEDULED}:charts:refused:{team_id}:{surface}"


def daily_counts(connection: str, series: str) -> str:
    """String, sealed: how many jobs past days had on a connection; `series` says which jobs."""
    return f"{SCHEDULED}:daily-counts:{connection}:{series}"


def stopped_teams() -> str:
    """Sorted set: workspaces without the app, by the time when their data is deleted."""
    return f"{SCHEDULED}:teams:stopped"


def lease(name: str) -> str:
    """Lock: one worker does the periodic work `name` for all of them."""
    return f"{SCHEDULED}:lease:{name}"


def watches(caller: Caller) -> str:
    """Hash: the jobs that a user watches, sealed, by tenant and id."""
    return f"{SCHEDULED}:watches:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def watches_due() -> str:
    """Sorted set: connections with watched jobs by the time when these are looked at next."""
    return f"{SCHEDULED}:due:watches"


def watches_failures() -> str:
    """Hash: how often in a row such a connection did not work."""
    return f"{SCHEDULED}:watches:failures"


def alert(alert_id: str) -> str:
    """Hash: an alert, sealed, and how often it was changed."""
    return f"{SCHEDULED}:alert:{alert_id}"


def alert_posts(alert_id: str) -> str:
    """String, sealed: which failures an alert told of in which of its messages."""
    return f"{SCHEDULED}:alert:{alert_id}:posts"


def alerts_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: the ids of a channel's alerts, each with an empty name."""
    return f"{SCHEDULED}:alerts:channel:{team_id}:{channel_id}"


def alerts_of_owner(caller: Caller) -> str:
    """Set: the ids of the alerts that run on a user's connections."""
    return f"{SCHEDULED}:alerts:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def alerts_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's alerts."""
    return f"{SCHEDULED}:alerts:team:{team_id}"


def alerts_of_connection(connection: str) -> str:
    """Set: the ids of the alerts that run on one connection."""
    return f"{SCHEDULED}:alerts:connection:{connection}"


def alerts_due() -> str:
    """Sorted set: connections with alerts by the time when these are looked at next."""
    return f"{SCHEDULED}:due:alerts"


def alerts_failures() -> str:
    """Hash: how often in a row a look by such a connection failed."""
    return f"{SCHEDULED}:alerts:failures"


def audience(channel_id: str) -> str:
    """Hash: who reads a channel, encrypted, and which change of it Slack reported last."""
    return f"{SCHEDULED}:audience:{channel_id}"


def audience_reads(name: str) -> str:
    """String: when the `next` channel may be read, and when the next `waiting` task tries again."""
    return f"{SCHEDULED}:audience-reads:{name}"


def cleanup(cleanup_id: str) -> str:
    """Hash: a clean-up, sealed; its state in clear, and who wants it to stop."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}"


def cleanup_jobs(cleanup_id: str) -> str:
    """String: the sealed ids of the jobs that a clean-up is to delete."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:jobs"


def cleanup_results(cleanup_id: str) -> str:
    """Hash: what has become of each of these jobs."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:results"


def cleanup_lease(cleanup_id: str) -> str:
    """Lock: one worker at a time works on a clean-up."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:lease"


def active_cleanup(caller: Caller, tenant: str) -> str:
    """String: the id of the clean-up that a user has under way in a tenant."""
    user = f"{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"
    return f"{SCHEDULED}:cleanups:active:{user}:{tenant}"


def cleanups_started(caller: Caller) -> str:
    """Sorted set: the ids of the clean-ups that a user began in the last 24 hours, by when."""
    user = f"{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"
    return f"{SCHEDULED}:cleanups:started:{user}"


def cleanups_due() -> str:
    """Sorted set: the ids of clean-ups under way by the time when somebody looks after them."""
    return f"{SCHEDULED}:due:cleanups"


def _workspace(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}}}"


def _user(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}:{caller.user_id}}}"
