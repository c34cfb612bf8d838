"""All Redis keys; see docs/redis-keys.md.

All keys of a user share a hash tag in braces: on a cluster, they are in the same slot, and one
command can use several of them.
"""

from __future__ import annotations

from bot.domain.accounts import Caller

PREFIX = "emporix-jobs"

ALL_ACCOUNTS = f"{PREFIX}:{{*}}:account"
"""SCAN pattern for `account`."""


def canary() -> str:
    """String, encrypted: a process may use Redis only if it can decrypt this text."""
    return f"{PREFIX}:canary"


def probe() -> str:
    """String: written to check whether Redis accepts writes."""
    return f"{PREFIX}:probe"


ALL_AUDITS = f"{PREFIX}:{{*}}:audit"
"""SCAN pattern for `audit`."""


def account(caller: Caller) -> str:
    """Hash: the default tenant, and each tenant's encrypted connection and token."""
    return f"{_user(caller)}:account"


def cursor(caller: Caller, cursor_id: str) -> str:
    """String: filters and page positions of one of a user's lists."""
    return f"{_user(caller)}:cursor:{cursor_id}"


def cursors(caller: Caller, tenant: str) -> str:
    """Sorted set: the ids of a tenant's cursors by expiry time."""
    return f"{_user(caller)}:cursors:{tenant}"


def form(caller: Caller, form_id: str) -> str:
    """String, encrypted: state of a user's open modal."""
    return f"{_user(caller)}:form:{form_id}"


def home(caller: Caller, name: str) -> str:
    """Data for a user's Home tab: `stats` is an encrypted hash, `opened` is a string."""
    return f"{_user(caller)}:home:{name}"


def delivery(caller: Caller, delivery_id: str) -> str:
    """String: a Slack request that has been accepted."""
    return f"{_user(caller)}:delivery:{delivery_id}"


def token_lock(caller: Caller, tenant: str) -> str:
    """Lock: one process at a time requests a new token for a tenant."""
    return f"{_user(caller)}:token-lock:{tenant}"


def time_zone(caller: Caller) -> str:
    """String: the time zone in a user's Slack profile."""
    return f"{_user(caller)}:time-zone"


def audit(caller: Caller) -> str:
    """Stream: the audit log of a workspace."""
    return f"{_workspace(caller)}:audit"


def audit_copy(caller: Caller) -> str:
    """Stream: a copy of the audit log, used to replace a deleted user with a pseudonym."""
    return f"{_workspace(caller)}:audit:copy"


def deletion(caller: Caller, tenant: str, job_id: str) -> str:
    """String: who deleted a job that was shown in a channel."""
    return f"{_workspace(caller)}:deletion:{tenant}:{job_id}"


def workspace_lock(caller: Caller, name: str) -> str:
    """Lock: one process at a time does `name` in a workspace."""
    return f"{_workspace(caller)}:lock:{name}"


def once(caller: Caller, name: str) -> str:
    """String: `name` is in progress or done in a workspace."""
    return f"{_workspace(caller)}:once:{name}"


SCHEDULED = f"{PREFIX}:{{scheduled}}"
"""Prefix for keys of scheduled tasks: all in one slot, because some commands use several keys."""

QUEUE_NAME = SCHEDULED
"""The name of saq's queue; its keys begin with `saq:` and this name."""

ALL_SCHEDULED = f"{SCHEDULED}:*"
"""SCAN pattern for all keys of scheduled tasks, except saq's queue."""

ALL_ALERT_CONNECTIONS = f"{SCHEDULED}:alerts:connection:*"
"""SCAN pattern for `alerts_of_connection`."""

ALL_WATCHES = f"{SCHEDULED}:watches:*:*:*"
"""SCAN pattern for `watches`."""

TASK_PREFIX = "{scheduled}"
"""Prefix for the ids of saq's jobs: some of saq's keys don't contain the queue name."""


def workers() -> str:
    """Sorted set: worker ids by the time of their last heartbeat."""
    return f"{SCHEDULED}:workers"


def digest(digest_id: str) -> str:
    """Hash: an encrypted digest; its version, due time and due key."""
    return f"{SCHEDULED}:digest:{digest_id}"


def digests_due() -> str:
    """Sorted set: digest ids by the time they are due."""
    return f"{SCHEDULED}:due:digests"


def digests_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: a hash of the name of each digest in a channel, by digest id."""
    return f"{SCHEDULED}:digests:channel:{team_id}:{channel_id}"


def digests_of_owner(caller: Caller) -> str:
    """Set: the ids of the digests that use a user's connections."""
    return f"{SCHEDULED}:digests:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def digests_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's digests."""
    return f"{SCHEDULED}:digests:team:{team_id}"


def digest_posts_now(digest_id: str) -> str:
    """Sorted set: the versions of a digest saved with a "Post now" request, by time."""
    return f"{SCHEDULED}:digests:now:{digest_id}"


def message(name: str) -> str:
    """String: state of a message that must be posted only once; `name` identifies the message."""
    return f"{SCHEDULED}:message:{name}"


def rate_limit(team_id: str, channel_id: str = "") -> str:
    """Hash: the earliest time of the next message to a channel, or to a workspace as a whole."""
    return f"{SCHEDULED}:rate-limit:{team_id}:{channel_id}"


def charts_refused(team_id: str) -> str:
    """String: Slack rejects charts in a workspace."""
    return f"{SCHEDULED}:charts:refused:{team_id}"


def daily_counts(connection: str, series: str) -> str:
    """String, encrypted: daily job counts of a connection; `series` identifies which jobs."""
    return f"{SCHEDULED}:daily-counts:{connection}:{series}"


def stopped_teams() -> str:
    """Sorted set: stopped workspaces, by the time their data will be deleted."""
    return f"{SCHEDULED}:teams:stopped"


def lease(name: str) -> str:
    """Lock: one worker performs the periodic task `name` on behalf of all workers."""
    return f"{SCHEDULED}:lease:{name}"


def watches(caller: Caller) -> str:
    """Hash: the jobs that a user watches, encrypted, by tenant and job id."""
    return f"{SCHEDULED}:watches:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def watches_due() -> str:
    """Sorted set: connections with watched jobs by the time of their next poll."""
    return f"{SCHEDULED}:due:watches"


def watches_failures() -> str:
    """Hash: the number of consecutive failed polls of each connection with watched jobs."""
    return f"{SCHEDULED}:watches:failures"


def alert(alert_id: str) -> str:
    """Hash: an encrypted alert, and its version."""
    return f"{SCHEDULED}:alert:{alert_id}"


def alert_posts(alert_id: str) -> str:
    """String, encrypted: the failures in each of an alert's messages."""
    return f"{SCHEDULED}:alert:{alert_id}:posts"


def alerts_of_channel(team_id: str, channel_id: str) -> str:
    """Hash: the ids of a channel's alerts; each value is empty, because alerts have no names."""
    return f"{SCHEDULED}:alerts:channel:{team_id}:{channel_id}"


def alerts_of_owner(caller: Caller) -> str:
    """Set: the ids of the alerts that use a user's connections."""
    return f"{SCHEDULED}:alerts:owner:{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"


def alerts_of_team(team_id: str) -> str:
    """Set: the ids of a workspace's alerts."""
    return f"{SCHEDULED}:alerts:team:{team_id}"


def alerts_of_connection(connection: str) -> str:
    """Set: the ids of the alerts that use a connection."""
    return f"{SCHEDULED}:alerts:connection:{connection}"


def alerts_due() -> str:
    """Sorted set: connections with alerts by the time of their next poll."""
    return f"{SCHEDULED}:due:alerts"


def alerts_failures() -> str:
    """Hash: the number of consecutive failed polls of each connection with alerts."""
    return f"{SCHEDULED}:alerts:failures"


def alerts_queries(connection: str) -> str:
    """Sorted set: the queries that a connection's alerts made in the last minute, by time."""
    return f"{SCHEDULED}:alerts:queries:{connection}"


def alert_responses(alert_id: str) -> str:
    """Hash: the team's responses to an alert's messages, encrypted, and the next due time."""
    return f"{SCHEDULED}:responses:{alert_id}"


def alert_responses_due() -> str:
    """Sorted set: ids of alerts with responses to show, by the time they are due."""
    return f"{SCHEDULED}:due:responses"


def agent_pause(pause_id: str) -> str:
    """Hash: an encrypted pause of an agent, and the next due time; the id contains the team's."""
    return f"{SCHEDULED}:agent-pause:{pause_id}"


def agent_pauses_due() -> str:
    """Sorted set: ids of agents' pauses by the time a worker continues with them."""
    return f"{SCHEDULED}:due:agent-pauses"


def run(run_id: str) -> str:
    """Hash: the last attempt to run a job again, encrypted, and the next due time."""
    return f"{SCHEDULED}:run:{run_id}"


def runs_due() -> str:
    """Sorted set: ids of attempts that a worker must look after, by the time they are due."""
    return f"{SCHEDULED}:due:runs"


def audience(channel_id: str) -> str:
    """Hash: a channel's audience, encrypted, and the last change reported by Slack."""
    return f"{SCHEDULED}:audience:{channel_id}"


def audience_reads(name: str) -> str:
    """String: the earliest time of the `next` read, or the time after the last `waiting` retry."""
    return f"{SCHEDULED}:audience-reads:{name}"


def cleanup(cleanup_id: str) -> str:
    """Hash: an encrypted clean-up; its state in plain text, and the user who requested a stop."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}"


def cleanup_jobs(cleanup_id: str) -> str:
    """String, encrypted: the ids of the jobs that a clean-up deletes."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:jobs"


def cleanup_results(cleanup_id: str) -> str:
    """Hash: the results of a clean-up, by job id."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:results"


def cleanup_lease(cleanup_id: str) -> str:
    """Lock: one worker at a time runs a clean-up."""
    return f"{SCHEDULED}:cleanup:{cleanup_id}:lease"


def active_cleanup(caller: Caller, tenant: str) -> str:
    """String: the id of a user's running clean-up in a tenant."""
    user = f"{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"
    return f"{SCHEDULED}:cleanups:active:{user}:{tenant}"


def cleanups_started(caller: Caller) -> str:
    """Sorted set: the ids of the clean-ups a user started in the last 24 hours, by time."""
    user = f"{caller.enterprise_id}:{caller.team_id}:{caller.user_id}"
    return f"{SCHEDULED}:cleanups:started:{user}"


def cleanups_due() -> str:
    """Sorted set: the ids of running clean-ups by the time a worker must resume them."""
    return f"{SCHEDULED}:due:cleanups"


def _workspace(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}}}"


def _user(caller: Caller) -> str:
    return f"{PREFIX}:{{{caller.enterprise_id}:{caller.team_id}:{caller.user_id}}}"
