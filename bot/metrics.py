"""The metrics of this process for Prometheus; nothing is recorded before `enable`.

Each metric has a list of the values that its labels may have, and any other value is recorded as
"other": an id, a tenant or a user can't become a label, and the number of time series is limited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from bot.errors import BOT_ERROR_NAMES

OTHER = "other"

FAST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
SLOW_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 3.0, 5.0, 8.0, 15.0, 30.0)
LATENESS_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 3 * 3600.0, 6 * 3600.0)

_registry: Any = None
"""prometheus_client's registry; None while metrics are off."""


class Metric:
    """A metric; `kind` is Prometheus's type. The order of `labels` is that of all arguments.

    Counters and histograms begin at 0 for each combination of their labels, because Prometheus does
    not see the first event of a time series that begins at 1. `initial` has the values for labels
    that have too many: all those that an alerting rule selects.
    """

    kind: str

    def __init__(
        self,
        name: str,
        text: str,
        initial: Mapping[str, tuple[str, ...]] | None = None,
        **labels: Iterable[str],
    ) -> None:
        self.name, self.text, self._initial = name, text, initial or {}
        self._values = {label: tuple(values) for label, values in labels.items()}
        self._parent: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        METRICS.append(self)

    @cached_property
    def labels(self) -> dict[str, frozenset[str]]:
        """The values that each label may have."""
        return {label: frozenset({*values, OTHER}) for label, values in self._values.items()}

    def start(self) -> None:
        """Begin to record."""
        self._parent = self._create()
        for values in self.initial_series():
            self._child(values)

    def initial_series(self) -> Iterator[tuple[str, ...]]:
        """The labels of the time series that begin at 0."""
        if self.kind != "gauge":
            yield from product(
                *(self._initial.get(label, values) for label, values in self._values.items())
            )

    def _create(self) -> Any:
        raise NotImplementedError

    def _child(self, values: tuple[str, ...]) -> Any:
        """The time series with these labels."""
        if (child := self._children.get(values)) is not None:
            return child
        known = tuple(
            value if value in allowed else OTHER
            for value, allowed in zip(values, self.labels.values(), strict=True)
        )
        if known not in self._children:
            self._children[known] = self._parent.labels(*known) if known else self._parent
        return self._children[known]


METRICS: list[Metric] = []


class CountMetric(Metric):
    """A number that only grows."""

    kind = "counter"

    def count(self, *values: str, amount: int = 1) -> None:
        if self._parent is not None:
            self._child(values).inc(amount)

    def _create(self) -> Any:
        from prometheus_client import Counter

        return Counter(self.name, self.text, tuple(self.labels), registry=_registry)


class GaugeMetric(Metric):
    """A current value."""

    kind = "gauge"

    def set(self, value: float, *values: str) -> None:
        if self._parent is not None:
            self._child(values).set(value)

    def set_unknown(self) -> None:
        """Show NaN for each label until the next value, so that no alert uses an old one."""
        for child in self._children.values():
            child.set(float("nan"))

    def _create(self) -> Any:
        from prometheus_client import Gauge

        return Gauge(self.name, self.text, tuple(self.labels), registry=_registry)


class TimeMetric(Metric):
    """A distribution of durations in seconds."""

    kind = "histogram"

    def __init__(
        self, name: str, text: str, buckets: tuple[float, ...], **labels: Iterable[str]
    ) -> None:
        super().__init__(name, text, None, **labels)
        self._buckets = buckets

    def observe(self, seconds: float, *values: str) -> None:
        if self._parent is not None:
            self._child(values).observe(seconds)

    def _create(self) -> Any:
        from prometheus_client import Histogram

        labels = tuple(self.labels)
        return Histogram(self.name, self.text, labels, registry=_registry, buckets=self._buckets)


def enable() -> None:
    """Begin to record; prometheus_client is imported only now."""
    global _registry
    if _registry is not None:
        return
    import prometheus_client

    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    _registry = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=_registry)
    for metric in METRICS:
        metric.start()


def is_enabled() -> bool:
    return _registry is not None


def exposition() -> tuple[bytes, str]:
    """All metrics in Prometheus's text format, and its content type."""
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(_registry), CONTENT_TYPE_LATEST


def _loggers() -> Iterator[str]:
    """The names of all modules of the app, which are those of its loggers."""
    top = Path(__file__).parent
    for path in top.rglob("*.py"):
        yield ".".join(path.relative_to(top.parent).with_suffix("").parts)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


REQUEST_KINDS = _words("action closing command event options shortcut submission")
UNEXPECTED = "unexpected"
"""The outcome of a request that ended with an error in the app."""

REQUESTS = CountMetric(
    "emporix_bot_requests_total",
    "Requests from Slack by outcome: ok, duplicate, ignored, unexpected, or the error message "
    "that the user got",
    kind=REQUEST_KINDS,
    outcome=("ok", "duplicate", "ignored", UNEXPECTED, *BOT_ERROR_NAMES),
)
REJECTED_REQUESTS = CountMetric(
    "emporix_bot_rejected_requests_total",
    "Requests that were refused before they were handled, by reason as in the log",
    reason=(
        "from Slack, but the body is malformed",
        "invalid signature",
        "not HTTP",
        "the body is incomplete",
        "the body is not UTF-8",
        "the body is too long",
        "the headers are too large",
        "the headers did not arrive in time",
        "the request is not signed by Slack",
        "the request is too old",
        "too many open connections",
    ),
)
ACK_SECONDS = TimeMetric("emporix_bot_ack_seconds", "Time from a request to its ack", FAST_BUCKETS)
REPLY_SECONDS = TimeMetric(
    "emporix_bot_reply_seconds",
    "Time from a request to the end of its work, including the last reply",
    SLOW_BUCKETS,
    kind=REQUEST_KINDS,
)
BACKGROUND_TASKS = GaugeMetric(
    "emporix_bot_background_tasks",
    "Work for requests in the web process",
    state=("running", "waiting"),
)
EMPORIX_ENDPOINTS = ("agents", "chat", "job", "jobs", "requests", "search", "session", "token")
EMPORIX_CALLS = CountMetric(
    "emporix_bot_emporix_calls_total",
    "HTTP calls to Emporix, each attempt, by status: its class, 401, 403, 404, 429, or failed "
    "without a response",
    endpoint=EMPORIX_ENDPOINTS,
    status=("2xx", "3xx", "4xx", "5xx", "401", "403", "404", "429", "failed"),
)
EMPORIX_SECONDS = TimeMetric(
    "emporix_bot_emporix_call_seconds",
    "Time until Emporix begins to respond, or the call fails",
    SLOW_BUCKETS,
    endpoint=EMPORIX_ENDPOINTS,
)
EMPORIX_RETRIES = CountMetric("emporix_bot_emporix_retries_total", "Retries of calls to Emporix")
SLACK_CALLS = CountMetric(
    "emporix_bot_slack_calls_total",
    "HTTP calls to Slack, each attempt, by outcome: ok, HTTP status, Slack's error code, or failed "
    "without a response",
    initial={
        "outcome": _words(
            "429 account_inactive invalid_auth missing_scope token_expired token_revoked"
        )
    },
    method=_words(
        "apps.connections.open auth.test bots.info chat.delete chat.postEphemeral "
        "chat.postMessage chat.update conversations.history conversations.info "
        "conversations.join conversations.members conversations.open "
        "conversations.replies files.completeUploadExternal files.getUploadURLExternal "
        "response_url upload usergroups.list users.info views.open views.publish views.push "
        "views.update websocket"
    ),
    outcome=_words(
        "ok 3xx 4xx 429 5xx failed access_denied account_inactive channel_not_found "
        "expired_trigger_id fatal_error hash_conflict internal_error invalid_auth "
        "invalid_blocks is_archived link_disabled missing_scope not_allowed_token_type "
        "not_authed not_enabled not_in_channel ratelimited token_expired token_revoked "
        "user_not_found"
    ),
)
REDIS_SECONDS = TimeMetric(
    "emporix_bot_redis_seconds",
    "Time of a round trip to Redis, without the blocking reads of the queue",
    FAST_BUCKETS,
)
REDIS_ERRORS = CountMetric(
    "emporix_bot_redis_errors_total",
    "Failed operations in Redis by kind of error, as in the log",
    error=_words(
        "BusyLoadingError ConnectionError LOADING MASTERDOWN MISCONF MasterNotFoundError "
        "NOAUTH NOPERM NOREPLICAS OOM READONLY ResponseError TimeoutError UNBLOCKED "
        "WRONGPASS"
    ),
)
TASK_NAMES = _words(
    "alerts.mention alerts.poll alerts.post alerts.post_notice alerts.queue_due_alerts "
    "alerts.queue_due_responses alerts.show_responses "
    "cleanups.queue_due_cleanups cleanups.run digests.post digests.prepare_charts "
    "digests.queue_chart_preparation digests.queue_due_digests digests.read_channels "
    "maintenance.apply_retention maintenance.reconcile maintenance.send_heartbeat "
    "maintenance.update_stopped_teams runs.follow runs.queue_due_runs watches.end_broken "
    "watches.poll watches.post watches.queue_due_watches"
)
TASKS = CountMetric(
    "emporix_bot_tasks_total",
    "Runs of scheduled tasks by outcome: ok, postponed, failed (and retried), given_up",
    task=TASK_NAMES,
    outcome=("ok", "postponed", "failed", "given_up"),
)
RUNNING_TASKS = GaugeMetric("emporix_bot_running_tasks", "Tasks that this worker runs")
QUEUED_TASKS = GaugeMetric(
    "emporix_bot_queued_tasks",
    "Tasks of all workers: due (waiting or running), or postponed",
    state=("due", "postponed"),
)
REQUEUED_TASKS = CountMetric(
    "emporix_bot_requeued_tasks_total", "Tasks that were taken from a silent worker"
)
POST_LATENESS_SECONDS = TimeMetric(
    "emporix_bot_post_lateness_seconds",
    "Time between the due time of a digest, or the poll that found changes, and the post",
    LATENESS_BUCKETS,
    post=("alert", "digest"),
)
DUE_INDEXES = ("alerts", "cleanups", "digests", "runs", "watches")
DUE_ENTRIES = GaugeMetric(
    "emporix_bot_due_index_entries", "Size of a due index in Redis", index=DUE_INDEXES
)
OVERDUE_SECONDS = GaugeMetric(
    "emporix_bot_overdue_seconds",
    "How long the first entry of a due index has been due; 0 if none is",
    index=DUE_INDEXES,
)
WORKERS = GaugeMetric("emporix_bot_workers", "Workers that sent a heartbeat within 30 s")
PAUSED = CountMetric(
    "emporix_bot_paused_total",
    "Digests and alerts that the app has paused",
    subject=("alert", "digest"),
)
WORK_IS_STOPPED = GaugeMetric(
    "emporix_bot_scheduled_work_stopped",
    "1 while this worker does no scheduled work, because the app was uninstalled or its token "
    "revoked",
)
CLOCK_OFFSET_SECONDS = GaugeMetric(
    "emporix_bot_clock_offset_seconds", "Clock of this machine minus that of Redis"
)
WEBSOCKETS = GaugeMetric(
    "emporix_bot_websockets",
    "Open Socket Mode connections of this process, and of the app as Slack counts them",
    of=("app", "process"),
)
WEBSOCKET_FAILURES = CountMetric(
    "emporix_bot_websocket_failures_total",
    "Socket Mode connections that were lost or could not be opened, by reason",
    reason=(
        "access_denied",
        "connection lost",
        "forbidden_team",
        "invalid_auth",
        "link_disabled",
        "missing_scope",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
        "ratelimited",
        "too_many_websockets",
        "unexpected",
    ),
)
LOG_LINES = CountMetric(
    "emporix_bot_log_lines_total",
    "Log lines of level warning or error, by logger",
    initial={"level": ("error",)},
    level=("warning", "error"),
    logger=(*_loggers(), OTHER),
)
