"""Every limit as a number: the limits in the documents, and those that tests use.

A test that imports a constant would compare a wrong number with itself, so each number is repeated
here.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.harness.source_code import tree

USERS, OPERATORS = "docs/user-guide.md", "docs/operator-guide.md"
SECURITY, KEYS = "docs/security.md", "docs/redis-keys.md"
SOCKET_MODE = "docs/decisions/0029-socket-mode.md"

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Limit(NamedTuple):
    """`words` of a document contain the `number` of a `constant`. Times are in seconds."""

    constant: str
    number: float
    document: str
    words: str


DOCUMENTED = (
    Limit(
        "store.versioned_records.ALERT_LIMITS.channel",
        10,
        USERS,
        "A channel can have at most 10 alerts",
    ),
    Limit("services.watches.MAX_WATCHES", 50, USERS, "You can watch at most 50 jobs"),
    Limit("services.session_logs.JOB_LOG_LINES", 5, USERS, "the first five lines of its log"),
    Limit(
        "services.session_logs.JOB_LOG_TIMEOUT_SECONDS",
        3,
        USERS,
        "takes longer than 3 seconds, nothing is added",
    ),
    Limit("services.session_logs.MAX_LOGS_PER_POST", 3, USERS, "for up to three causes"),
    Limit("services.session_logs.MAX_ERROR_LINE_LENGTH", 150, SECURITY, "cut to 150 characters"),
    Limit(
        "services.session_logs.ERROR_LINES_TIMEOUT_SECONDS",
        2,
        OPERATORS,
        "the logs were not read within 2 s",
    ),
    Limit(
        "store.versioned_records.DIGEST_LIMITS.channel", 20, USERS, "| digests in a channel | 20 |"
    ),
    Limit(
        "services.cleanups.cleanups.MAX_CLEANUP_JOBS", 10_000, USERS, "deletes at most 10,000 jobs"
    ),
    Limit("services.exports.MAX_CSV_JOBS", 5_000, USERS, "has at most 5,000 jobs"),
    Limit(
        "services.exports.MAX_CSV_CHARACTERS",
        10_000_000,
        USERS,
        "if their texts have more than 10 million characters",
    ),
    Limit("services.exports.MAX_CELL_LENGTH", 32_767, USERS, "has at most 32,767 characters"),
    Limit(
        "services.exports.MAX_CONCURRENT_EXPORTS",
        10,
        USERS,
        "at most 10 people can download lists",
    ),
    Limit(
        "rendering.agent_message.MODAL_TEXT_LENGTH",
        50_000,
        USERS,
        "more than 50,000 characters comes as a file",
    ),
    Limit(
        "listeners.jobs.export.MAX_INDENTED_CHARACTERS",
        2_000_000,
        USERS,
        "JSON of up to 2 MB is indented",
    ),
    Limit("emporix.http.CALL_BUDGET_SECONDS", 8, USERS, "waits at most 8 s for Emporix"),
    Limit("emporix.http.MAX_RESPONSE_BYTES", 10 * 1024 * 1024, USERS, "larger than 10 MB"),
    Limit(
        "services.digests.history.SETTLED_SECONDS",
        6 * HOUR,
        USERS,
        "at the first count made at least 6 hours after the day ends",
    ),
    Limit("services.digests.history.HISTORY_DAYS", 14, USERS, "Chart of the last 14 days"),
    Limit(
        "services.digests.history.MIN_HISTORY_DAYS",
        2,
        USERS,
        "if fewer than two of the days had jobs",
    ),
    Limit(
        "services.digests.lifecycle.MAX_DELAY_SECONDS",
        6 * HOUR,
        USERS,
        "is posted up to 6 hours late",
    ),
    Limit(
        "services.digests.lifecycle.REQUEST_TTL_SECONDS",
        15 * MINUTE,
        OPERATORS,
        "requested 15 minutes",
    ),
    Limit(
        "tasks.digests.MISSED_RUNS_BEFORE_MESSAGE", 2, USERS, "After two missed digests in a row"
    ),
    Limit("tasks.digests.LATE_WARNING_SECONDS", HOUR, OPERATORS, "postponed for more than an hour"),
    Limit("services.home.DAY_SECONDS", DAY, USERS, "failures of the last 24 hours"),
    Limit("services.home.HOME_EXCERPT_LENGTH", 500, SECURITY, "the first 500 characters"),
    Limit(
        "slack.home.HOME_MAX_AGE_SECONDS",
        MINUTE,
        USERS,
        "Figures older than a minute are refreshed",
    ),
    Limit("services.cleanups.run.STALE_SECONDS", 30 * MINUTE, USERS, "no progress for 30 minutes"),
    Limit(
        "services.watches.MIN_WATCH_INTERVAL_SECONDS", 5, USERS, "checks a watched job after 5 s"
    ),
    Limit("services.watches.MAX_WATCH_INTERVAL_SECONDS", 120, USERS, "at least every 2 minutes"),
    Limit("services.watches.MAX_WATCH_SECONDS", DAY, USERS, "for up to a day"),
    Limit("services.alerts.poll.MAX_PAUSE_NOTICES", 2, USERS, "immediately and again a day later"),
    Limit(
        "services.alerts.poll.PAUSE_NOTICE_INTERVAL_SECONDS",
        DAY,
        USERS,
        "immediately and again a day later",
    ),
    Limit("services.alerts.grouping.POSTED_ALERT_TTL_SECONDS", DAY, USERS, "one in the last day"),
    Limit("store.alerts.MAX_QUERIES", 2, USERS, "ask Emporix for changes at most twice a minute"),
    Limit("domain.conditions.MAX_SILENCE_DELAY_SECONDS", DAY, USERS, "After more than a day"),
    Limit("services.agents.MAX_PAGES_PER_QUERY", 4, OPERATORS, "at most four pages of 50 jobs"),
    Limit("services.alerts.condition_text.MAX_AT_LEAST", 100, USERS, "at most 100 failures"),
    Limit("services.alerts.condition_text.MAX_CONDITION_DAYS", 7, USERS, "are 1 minute to 7 days"),
    Limit(
        "services.alerts.condition_text.MIN_SILENT_SECONDS",
        15 * MINUTE,
        USERS,
        "a silence lasts at least 15 minutes",
    ),
    Limit("domain.conditions.COMPARED_WEEKS", 4, USERS, "weekday of the last four weeks"),
    Limit("domain.conditions.MIN_KNOWN_WEEKS", 2, USERS, "off until two weeks are known"),
    Limit("domain.conditions.MAX_RECENT_CHANGES", 200, KEYS, "up to 200 failures"),
    Limit("domain.conditions.MAX_RUNNING_JOBS", 200, KEYS, "200 running jobs"),
    Limit("domain.jobs.MAX_RECOVERIES", 50, KEYS, "at most 50 for each message"),
    Limit(
        "services.departures.ABANDONED_TTL_SECONDS",
        30 * DAY,
        OPERATORS,
        "no one took them over in 30",
    ),
    Limit("store.accounts.UNINSTALL_GRACE_SECONDS", DAY, OPERATORS, "a day has passed since the"),
    Limit("slack.loading.LOADING_AFTER_SECONDS", 1.5, USERS, "longer than 1.5 s"),
    Limit("slack.users.TIME_ZONE_TIMEOUT_SECONDS", 2, OPERATORS, "Slack did not answer within 2 s"),
    Limit(
        "slack.verification.MAX_TIMESTAMP_AGE_SECONDS",
        5 * MINUTE,
        SECURITY,
        "refused after 5 minutes",
    ),
    Limit("slack.verification.MAX_REQUEST_BYTES", 1_000_000, OPERATORS, "5 s for its body (1 MB)"),
    Limit("slack.errors.MAX_RETRY_AFTER_SECONDS", 10, OPERATORS, "after pauses of up to 10 s"),
    Limit(
        "backoff.MAX_SLACK_PAUSE_SECONDS",
        5 * MINUTE,
        OPERATORS,
        "as long as Slack asks, at most 5 min",
    ),
    Limit("server.WANTED_FILE_DESCRIPTORS", 8192, OPERATORS, "raises its soft limit to 8,192"),
    Limit("web.WEB_DRAIN_SECONDS", 20, OPERATORS, "waiting work (up to 20 s)"),
    Limit("worker.WORKER_DRAIN_SECONDS", 20, OPERATORS, "finishes its running tasks (up to 20 s)"),
    Limit(
        "scheduler.runner.MAX_GIVE_UP_ATTEMPTS", 12, OPERATORS, "owner failed; it is tried 12 times"
    ),
    Limit(
        "scheduler.runner.LONG_DELAY_SECONDS", HOUR, OPERATORS, "same reason, for an hour or more"
    ),
    Limit(
        "tasks.maintenance.HEARTBEAT_INTERVAL_SECONDS",
        2,
        OPERATORS,
        "sends a heartbeat to Redis every 2 s",
    ),
    Limit(
        "tasks.maintenance.RECONCILE_INTERVAL_SECONDS",
        10 * MINUTE,
        OPERATORS,
        "restore missing schedules every 10 minutes",
    ),
    Limit(
        "store.idempotency.DELIVERY_TIMEOUT_SECONDS",
        0.9,
        OPERATORS,
        "If Redis takes longer than 0.9 s",
    ),
    Limit("store.errors.REDIS_LOG_INTERVAL_SECONDS", 10, OPERATORS, "every 10 s while it lasts"),
    Limit("tasks.digests.UNREADABLE_RETRY_SECONDS", HOUR, OPERATORS, "is tried again in an hour"),
    Limit("store.idempotency.ONCE_CLAIM_SECONDS", 20, OPERATORS, "another click after 20 s"),
    Limit("services.agents.NAMES_TTL_SECONDS", 5 * MINUTE, SECURITY, "each user's own | 5 minutes"),
    Limit("store.slack_cache.AUDIENCE_TTL_SECONDS", 600, SECURITY, "read at most 10 minutes ago"),
    Limit("store.audit.MAX_AUDIT_ENTRIES", 10_000, KEYS, "the oldest beyond about 10,000"),
    Limit("store.ui_state.LIST_TTL_SECONDS", DAY, KEYS, "24 hours after the list"),
    Limit("store.ui_state.FORM_TTL_SECONDS", HOUR, KEYS, "| encrypted | an hour; `disconnect`"),
    Limit(
        "store.home.TENANT_STATS_TTL_SECONDS",
        HOUR,
        KEYS,
        "an hour after the last request to Emporix",
    ),
    Limit(
        "store.idempotency.DELIVERY_TTL_SECONDS",
        600,
        KEYS,
        "first delivered this | clear | 10 minutes",
    ),
    Limit("store.accounts.TOKEN_LOCK_SECONDS", 3, KEYS, "has arrived; at the latest 3 seconds"),
    Limit("store.idempotency.DELETE_LOCK_SECONDS", 3, KEYS, "is done; at the latest 3 seconds"),
    Limit(
        "store.idempotency.DELETION_TTL_SECONDS", DAY, KEYS, "shown in a channel | clear | a day"
    ),
    Limit(
        "store.slack_cache.TIME_ZONE_TTL_SECONDS", DAY, KEYS, "24 hours; `disconnect` from the last"
    ),
    Limit(
        "store.cleanups.CONFIRMATION_TTL_SECONDS",
        HOUR,
        KEYS,
        "an hour after the confirmation dialog",
    ),
    Limit("store.cleanups.CLEANUP_TTL_SECONDS", 30 * DAY, KEYS, "a month after the start"),
    Limit(
        "store.cleanups.CLEANUP_LEASE_SECONDS",
        15,
        KEYS,
        "releases it, at the latest after 15 seconds",
    ),
    Limit(
        "store.idempotency.POST_TTL_SECONDS", 2 * DAY, KEYS, "after it is posted | clear | 2 days"
    ),
    Limit("store.health.PROBE_TTL_SECONDS", 1, KEYS, "| clear | after a second"),
    Limit("slack.socket_mode.HEARTBEAT_SECONDS", 10, SOCKET_MODE, "After 10 s without data"),
    Limit("slack.socket_mode.RETIRE_SECONDS", 15, SOCKET_MODE, "not for more than 15 s"),
    Limit("slack.socket_mode.FIRST_RECONNECT_SECONDS", 0.5, SOCKET_MODE, "another one: 0.5 s"),
    Limit("slack.socket_mode.MAX_RECONNECT_SECONDS", 60, SOCKET_MODE, "up to 60 s"),
    Limit("slack.request.ACK_TIMEOUT_SECONDS", 3, SOCKET_MODE, "(within 3 s)"),
    Limit("store.health.HEARTBEATS_TTL_SECONDS", 30 * DAY, KEYS, "| clear | a month after that"),
    Limit(
        "store.digests.DAILY_COUNTS_TTL_SECONDS", 21 * DAY, KEYS, "three weeks after the last count"
    ),
    Limit("store.watches.WATCH_TTL_SECONDS", 30 * DAY, KEYS, "a month after the last was added"),
    Limit(
        "store.alerts.ALERT_POSTS_TTL_SECONDS",
        7 * DAY,
        KEYS,
        "| encrypted | a week after the last message or response, and after the last snooze",
    ),
    Limit(
        "domain.responses.RESPONSE_TTL_SECONDS",
        7 * DAY,
        USERS,
        "for a week after they were claimed",
    ),
    Limit("services.alerts.alerts.MAX_SNOOZE_DAYS", 30, USERS, "another day in the next 30 days"),
    Limit("domain.responses.MAX_SNOOZES", 10, KEYS, "at most 10 for each message"),
    Limit("domain.responses.MAX_RESPONSES", 50, KEYS, "responses to at most 50 messages"),
    Limit("domain.responses.MAX_RESPONSE_STEPS", 20, KEYS, "the last 20 changes of each"),
    Limit("store.audit.COPY_TTL_SECONDS", HOUR, KEYS, "an hour after an interrupted run"),
)

UNDOCUMENTED: dict[str, float] = {
    "scheduler.saq_worker.QUEUE_ALIVE_SECONDS": 5,
    "scheduler.runner.MAX_TASK_ATTEMPTS": 12,
    "emporix.auth.REFRESH_AHEAD_SECONDS": 60,
    "emporix.client.MAX_QUERY_STRING_BYTES": 8_000,  # Emporix: a URL has at most 10 KB
    "emporix.errors.MAX_DETAILS": 5,
    "emporix.models.MAX_MESSAGE_LENGTH": 300,
    "emporix.http.MAX_CALL_ATTEMPTS": 3,
    "logs.MAX_LOGGED_CHARACTERS": 20_000,
    "rendering.jobs_csv.MAX_CELL_LENGTH": 32_767,  # Excel
    "rendering.agent_message.CARD_TEXT_LENGTH": 50_000,
    "services.agents.FAILED_NAMES_TTL_SECONDS": 30,
    "services.agents.MAX_NAMES_CALLS": 50,
    "services.alerts.grouping.MAX_ALERT_ROWS": 5,
    "services.references.MAX_SEARCH_LENGTH": 200,
    "services.deletes.MAX_DELETE_CALLS": 5,
    "services.deletes.MAX_REFUSALS_IN_A_ROW": 20,
    "services.cleanups.run.LEASE_RETRY_SECONDS": 2,
    "services.cleanups.run.MAX_JOB_IDS_AGE_SECONDS": 600,
    "services.cleanups.run.STOP_CHECK_INTERVAL_SECONDS": 10,
    "services.cleanups.run.MAX_FRUITLESS_ATTEMPTS": 20,
    "services.cleanups.run.CLEANUP_PROGRESS_INTERVAL_SECONDS": 3,
    "services.cleanups.run.SLICE_SECONDS": 15,
    "domain.times.DAY_SECONDS": DAY,
    "services.digests.history.MAX_HISTORY_CALLS": 4,
    "services.digests.history.MAX_UNKNOWN_DAYS": 2,
    "services.digests.report.MAX_FAILURES_READ": 100,
    "services.digests.report.MAX_GROUPS_SHOWN": 5,
    "services.digests.report.MAX_THREAD_JOBS": 20,
    "services.digests.schedule.MONTH_SECONDS": 31 * DAY,
    "services.home.HOME_JOBS_SHOWN": 5,
    "services.references.MAX_JOB_ID_LENGTH": 200,
    "services.jobs.MAX_IDS_PER_QUERY": 50,
    "services.jobs.MAX_SINGLE_LOOKUPS": 10,
    "services.session_logs.LOG_LINES_PER_PAGE": 40,
    "services.filters.parser.MAX_COMPACT_LENGTH": 1500,
    "services.pagination.MAX_EXTRA_CALLS": 3,
    "services.exports.MAX_EXPORT_PAUSES": 5,
    "slack.request.MAX_MESSAGE_CHARACTERS": 100_000,
    "domain.conditions.WATERMARK_OVERLAP_SECONDS": 180,
    "store.health.WORKER_ALIVE_SECONDS": 30,
    "store.health.WORKER_START_SECONDS": 60,
    "store.idempotency.DELETE_LOCK_WAIT_SECONDS": 8,
    "store.due_index.DUE_CLAIM_SECONDS": 60,
    "domain.lists.MAX_REMEMBERED_IDS": 36,
    "key_rotation.ROTATION_BATCH_SIZE": 200,
    "store.accounts.TOKEN_LOCK_WAIT_SECONDS": 5,
}
"""Limits that tests import but no document mentions."""


def value(constant: str) -> object:
    """Return the value of the constant, or None if it doesn't exist or isn't a number."""
    *module, name = f"bot.{constant}".split(".")
    key = ""
    if not name.isupper():  # a value in a mapping
        *module, name, key = *module, name
    try:
        found = getattr(importlib.import_module(".".join(module)), name, None)
    except ModuleNotFoundError:
        return None
    if isinstance(found, Mapping):
        found = found.get(key)
    return found if isinstance(found, int | float) else None


def constants_imported_by(test: Path) -> Iterator[str]:
    """Return the app's numeric constants that a test imports."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree(test)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "bot":
            place = (node.module or "").partition(".")[2]
            names = {alias.asname or alias.name: alias.name for alias in node.names}
            modules |= {name: f"{place}.{real}".strip(".") for name, real in names.items()}
    yield from (constant for constant in modules.values() if _is_constant(constant))
    for node in ast.walk(tree(test)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            constant = f"{modules.get(node.value.id, '')}.{node.attr}"
            if _is_constant(constant):
                yield constant


def _is_constant(constant: str) -> bool:
    name = constant.rpartition(".")[2]
    return name.isupper() and not constant.startswith(".") and value(constant) is not None
