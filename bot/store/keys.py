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


def home(caller: Caller, what: str) -> str:
    """Of a user's Home tab: its `figures`, a sealed hash; that it was `opened`, a string."""
    return f"{_user(caller)}:home:{what}"


def once(caller: Caller, delivery: str) -> str:
    """String: a delivery of Slack's that has been taken on."""
    return f"{_user(caller)}:once:{delivery}"


def refresh(caller: Caller, tenant: str) -> str:
    """Lock: one process at a time asks for a tenant's new token."""
    return f"{_user(caller)}:refresh:{tenant}"


def zone(caller: Caller) -> str:
    """String: the time zone that a user has set in Slack."""
    return f"{_user(caller)}:zone"


def audit(caller: Caller) -> str:
    """Stream: who deleted what in a workspace."""
    return f"{_workspace(caller)}:audit"


def audit_copy(caller: Caller) -> str:
    """Stream: the audit log while a user who is to be forgotten is replaced in it."""
    return f"{_workspace(caller)}:audit:copy"


def deletion(caller: Caller, tenant: str, job_id: str) -> str:
    """String: who deleted a job that was shown in a channel."""
    return f"{_workspace(caller)}:deletion:{tenant}:{job_id}"


def turn(caller: Caller, name: str) -> str:
    """Lock: one at a time does `name` in a workspace."""
    return f"{_workspace(caller)}:turn:{name}"


def done(caller: Caller, name: str) -> str:
    """String: `name` is being done or has been done in a workspace."""
    return f"{_workspace(caller)}:done:{name}"


CLOCK = f"{PREFIX}:{{clock}}"
"""Begins the keys of what happens by the clock: all in one slot, as commands touch several."""

QUEUE = CLOCK
"""The name of saq's queue; its keys begin with `saq:` and this."""

ALL_BY_CLOCK = f"{CLOCK}:*"
"""A pattern for SCAN that fits what belongs to the clock, but for the queue."""

ALL_SOURCES_OF_ALERTS = f"{CLOCK}:alerts:source:*"
"""A pattern for SCAN that fits what `alerts_of_source` gives."""

ALL_WATCHES = f"{CLOCK}:watches:*:*:*"
"""A pattern for SCAN that fits what `watches` gives."""

TASK = "{clock}"
"""Begins the keys of saq's jobs, some of which hold no name of a queue."""


def workers() -> str:
    """Sorted set: the ids of workers by the time when each last said that it is at work."""
    return f"{CLOCK}:workers"


def digest(digest_id: str) -> str:
    """Hash: a digest, encrypted; how often it was changed, when it is due, and for which run."""
    return f"{CLOCK}:digest:{digest_id}"


def digests_due() -> str:
    """Sorted set: the ids of digests by the time when somebody has to look after them."""
    return f"{CLOCK}:due:digests"


def digests_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: a hash of the name of each of a channel's digests, by their ids."""
    return f"{CLOCK}:digests:channel:{team_id}:{channel_id}"


def digests_of_owner(caller: Caller) -> str:
    """Set: the ids of the digests that run on a user's connections."""
    return f"{CLOCK}:digests:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def digests_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's digests."""
    return f"{CLOCK}:digests:team:{team_id}"


def digest_posts_now(digest_id: str) -> str:
    """Sorted set: the versions of a digest that asked for a post at once, by when they did."""
    return f"{CLOCK}:digests:now:{digest_id}"


def post(name: str) -> str:
    """String: how far something is that must be posted once; `name` says what, and which time."""
    return f"{CLOCK}:post:{name}"


def pace(team_id: str, channel_id: str = "") -> str:
    """Hash: when messages may go to a channel, or to any channel of a workspace."""
    return f"{CLOCK}:pace:{team_id}:{channel_id}"


def charts_refused(team_id: str, surface: str) -> str:
    """String: Slack refuses charts in a workspace's messages of that kind."""
    return f"{CLOCK}:charts:refused:{team_id}:{surface}"


def day_counts(source: str, series: str) -> str:
    """String, sealed: how many jobs past days had on a connection; `series` says which jobs."""
    return f"{CLOCK}:days:{source}:{series}"


def teams_stopped() -> str:
    """Sorted set: workspaces without the app, by the time when their data is deleted."""
    return f"{CLOCK}:teams:stopped"


def shift(name: str) -> str:
    """Lock: one worker does the periodic work `name` for all of them."""
    return f"{CLOCK}:shift:{name}"


def watches(caller: Caller) -> str:
    """Hash: the jobs that a user watches, sealed, by tenant and id."""
    return f"{CLOCK}:watches:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def watches_due() -> str:
    """Sorted set: connections with watched jobs by the time when these are looked at next."""
    return f"{CLOCK}:due:watches"


def watches_strikes() -> str:
    """Hash: how often in a row such a connection did not work."""
    return f"{CLOCK}:watches:strikes"


def alert(alert_id: str) -> str:
    """Hash: an alert, sealed, and how often it was changed."""
    return f"{CLOCK}:alert:{alert_id}"


def alert_posts(alert_id: str) -> str:
    """String, sealed: which failures an alert told of in which of its messages."""
    return f"{CLOCK}:alert:{alert_id}:posts"


def alerts_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: the ids of a channel's alerts, each with an empty name."""
    return f"{CLOCK}:alerts:channel:{team_id}:{channel_id}"


def alerts_of_owner(caller: Caller) -> str:
    """Set: the ids of the alerts that run on a user's connections."""
    return f"{CLOCK}:alerts:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def alerts_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's alerts."""
    return f"{CLOCK}:alerts:team:{team_id}"


def alerts_of_source(source: str) -> str:
    """Set: the ids of the alerts that run on one connection."""
    return f"{CLOCK}:alerts:source:{source}"


def alerts_due() -> str:
    """Sorted set: connections with alerts by the time when these are looked at next."""
    return f"{CLOCK}:due:alerts"


def alerts_strikes() -> str:
    """Hash: how often in a row a look by such a connection failed."""
    return f"{CLOCK}:alerts:strikes"


def audience(channel_id: str) -> str:
    """Hash: who reads a channel, encrypted, and which change of it Slack reported last."""
    return f"{CLOCK}:audience:{channel_id}"


def audience_reads(what: str) -> str:
    """String: when the `next` channel may be read, and when the next `waiting` task tries again."""
    return f"{CLOCK}:audiences:{what}"


def clean(clean_id: str) -> str:
    """Hash: a clean-up, sealed; its state in clear, and who wants it to stop."""
    return f"{CLOCK}:clean:{clean_id}"


def clean_jobs(clean_id: str) -> str:
    """String: the sealed ids of the jobs that a clean-up is to delete."""
    return f"{CLOCK}:clean:{clean_id}:jobs"


def clean_results(clean_id: str) -> str:
    """Hash: what has become of each of these jobs."""
    return f"{CLOCK}:clean:{clean_id}:results"


def clean_lease(clean_id: str) -> str:
    """Lock: one worker at a time works on a clean-up."""
    return f"{CLOCK}:clean:{clean_id}:lease"


def cleaning(caller: Caller, tenant: str) -> str:
    """String: the id of the clean-up that a user has under way in a tenant."""
    return f"{CLOCK}:cleaning:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}:{tenant}"


def cleanups_begun(caller: Caller) -> str:
    """Sorted set: the ids of the clean-ups that a user began in the last 24 hours, by when."""
    user = f"{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"
    return f"{CLOCK}:cleanups:begun:{user}"


def cleans_due() -> str:
    """Sorted set: the ids of clean-ups under way by the time when somebody looks after them."""
    return f"{CLOCK}:due:cleans"


def _workspace(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}}}"


def _user(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}:{caller.user_id}}}"
