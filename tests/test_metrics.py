"""Metrics: what is served, that labels are bounded, and that nothing is recorded without a port."""

from __future__ import annotations

import ast
import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

import bot.tasks
from bot import metrics
from bot.metrics import METRICS, OTHER, REQUESTS, TASK_NAMES, CountMetric, GaugeMetric, Metric
from bot.monitoring import Monitor
from bot.scheduler.tasks import discover
from bot.settings import Settings
from bot.slack.request import KINDS
from bot.store.connection import connect
from bot.store.encryption import new_key
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.server import free_port, free_socket
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.documents import table
from tests.harness.metrics import metrics_enabled, parse, recorded, selected
from tests.harness.source_code import PROJECT, modules
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs, job_id

each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)

IDENTIFIERS = re.compile(r"acme|globex|U0|T0|C0|D0|[0-9a-f]{10,}|session-|digest-\d|cursor-\d|EON")
"""Parts of the ids, tenants and texts of the requests below."""


@pytest.fixture(autouse=True, scope="module")
def _metrics() -> Iterator[None]:
    with metrics_enabled():
        yield


@pytest.fixture
async def served(
    redis: Any, redis_url: str, clock: FakeClock
) -> AsyncIterator[tuple[AppHarness, str]]:
    port = free_port()
    async with open_app(redis, redis_url, clock, metrics_port=port, host="127.0.0.1") as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        yield harness, f"http://127.0.0.1:{port}"


async def use(harness: AppHarness) -> None:
    """Commands, buttons, forms, scheduled tasks and errors, with ids in all of them."""
    add_jobs(harness, 12)
    ada = harness.person("ada", "ops")
    await ada.command("/emporix jobs")
    await ada.click("Next")
    await ada.command(f"/emporix jobs get {job_id(3)}")
    await ada.command("/emporix jobs get no-such-job")
    await ada.command("/emporix jobs log session-1")
    await ada.command("/emporix jobs globex")
    await ada.command(f"/emporix jobs watch {job_id(3)}")
    await ada.command("/emporix alerts on")
    await set_up(ada)
    await ada.open_home()
    await harness.grace.command("/emporix jobs")
    harness.clock.forward(86_400)
    await harness.worker.work()
    await harness.http.get(f"{harness.bot_url}/slack/events")
    await harness.http.post(f"{harness.bot_url}/slack/events", content=b"U0ADA acme")


async def test_no_label_contains_an_id(served: tuple[AppHarness, str]) -> None:
    """After requests, tasks and errors, no label has an id, a tenant, a user or a text."""
    harness, url = served
    await use(harness)
    samples = parse((await harness.http.get(f"{url}/metrics")).text)
    ours = {labels for name, labels in samples if name.startswith("emporix_bot_")}
    values = {value for labels in ours for label, value in labels if label != "le"}
    assert len(values) > 100
    assert [value for value in values if IDENTIFIERS.search(value)] == []
    assert selected(samples, "emporix_bot_tasks_total") > 10
    assert selected(samples, 'emporix_bot_requests_total{outcome="not_found"}') >= 1


async def test_every_label_has_a_known_value(served: tuple[AppHarness, str]) -> None:
    """Each label in the answer has one of the values that its metric allows."""
    harness, url = served
    await use(harness)
    samples = parse((await harness.http.get(f"{url}/metrics")).text)
    known = {metric.name: metric for metric in METRICS}
    for name, labels in samples:
        metric = known.get(name) or known.get(re.sub(r"_(bucket|count|sum)$", "", name))
        assert metric or name.startswith("process_"), name
        for label, value in labels if metric else ():
            assert label == "le" or value in metric.labels[label]  # type: ignore[union-attr]


@each_metric
def test_an_unknown_value_becomes_other(metric: Metric) -> None:
    """A value that a metric does not list is recorded as "other", and takes no memory."""
    if metric.labels:
        unknown = ("T0ACME-U0ADA",) * len(metric.labels)
        metric._child(unknown)
        assert unknown not in metric._children
        assert (OTHER,) * len(metric.labels) in metric._children


@each_metric
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    """Counters end with _total, times with _seconds, and no gauge looks like a counter."""
    assert re.fullmatch(r"emporix_bot_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == isinstance(metric, CountMetric)
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert isinstance(metric, GaugeMetric) or metric.text


def test_the_guide_has_every_metric() -> None:
    """The operator guide's table has exactly the metrics, with types, labels and meanings."""
    rows = table("docs/operator-guide.md", "metric | type | labels")
    shown = {row[0].strip("`"): (row[1], row[2], row[3].lower()) for row in rows}
    assert shown == {
        metric.name: (
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.text.lower(),
        )
        for metric in METRICS
    }


def test_all_names_of_the_code_are_labels() -> None:
    """The lists of label values have each task, kind of request, rejection and Slack method."""
    found = discover(bot.tasks)
    assert set(TASK_NAMES) == {*(task.name for task in found.periodic), *found.queued}
    assert REQUESTS.labels["kind"] == {*KINDS.values(), "command", OTHER}
    assert slack_methods() <= metrics.SLACK_CALLS.labels["method"]
    assert metrics.REJECTED_REQUESTS.labels["reason"] == {*reasons(), OTHER}


WEB_API = {name for name in dir(AsyncWebClient) if re.fullmatch(r"[a-z]+_[A-Za-z_]+", name)}
FILES = {"files.getUploadURLExternal", "files.completeUploadExternal"}
"""The methods of the Web API that slack_sdk's `files_upload_v2` calls."""


def slack_methods() -> set[str]:
    """The Web API methods that the code calls, as in URLs."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in modules("bot"))
    found = {
        node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    called = found & WEB_API
    assert len(called) > 15
    return FILES | {name.replace("_", ".") for name in called - {"files_upload_v2"}}


def reasons() -> set[str]:
    """The constants that are passed to RejectionLog, or are the reason of a Rejection."""
    source = "".join(
        (PROJECT / path).read_text(encoding="utf-8")
        for path in ("bot/server.py", "bot/web.py", "bot/slack/verification.py")
    )
    direct = re.findall(r'(?:count_rejection\(|Rejection\(\d+, )"([^"]+)"', source)
    return {*direct, "too many open connections"}


async def test_probes(served: tuple[AppHarness, str]) -> None:
    """The port serves liveness and readiness, and nothing else."""
    harness, url = served
    assert (await harness.http.get(f"{url}/livez")).json() == {"status": "ok"}
    assert (await harness.http.get(f"{url}/readyz")).json() == {"status": "ok"}
    assert (await harness.http.get(f"{url}/slack/events")).status_code == 404


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("refuse", error="missing_scope"), "missing_scope"),
        (Fault("refuse", error="u0ada_acme"), "other"),
        (Fault("refuse", error="U0ADA: acme/T0ACME"), "other"),
        (Fault("refuse", error=""), "other"),
        (Fault("html", status=200), "other"),
        (Fault("html", status=418), "4xx"),
        (Fault("status", status=599), "5xx"),
    ],
    ids=str,
)
async def test_an_unknown_answer_of_slack_is_counted_as_other(
    served: tuple[AppHarness, str], fault: Fault, outcome: str
) -> None:
    """Only an answer that Slack documents counts as ok or by its code; no other becomes a label."""
    harness, url = served
    add_jobs(harness, 3)
    await harness.ada.command("/emporix jobs")
    before = parse((await harness.http.get(f"{url}/metrics")).text)
    harness.workspace.faults.add(replace(fault, method="views.open", times=9))
    await harness.ada.click("Open")
    after = parse((await harness.http.get(f"{url}/metrics")).text)
    views = 'emporix_bot_slack_calls_total{method="views.open"'
    grown = {
        one: selected(after, f'{views},outcome="{one}"}}')
        - selected(before, f'{views},outcome="{one}"}}')
        for one in metrics.SLACK_CALLS.labels["outcome"]
    }
    assert [one for one, count in grown.items() if count] == [outcome]


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE U0ADA\r\n\r\n",
        b"\x16\x03\x01\x02\x00U0ADA\r\n\r\n",
        b"GET / HTTP/9.9 U0ADA\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nU0ADA " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nU0ADA\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_not_logged(
    served: tuple[AppHarness, str], sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Anyone who can reach the port can't write to the log or cause an alert; the answer is 400."""
    address = httpx.URL(served[1])
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert b" 400 " in answer
    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == []


async def test_an_error_in_a_scrape_is_logged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the app at the port is logged with its traceback, and answered with 500."""

    def observe() -> None:
        raise ZeroDivisionError

    async def ready() -> Any:
        return {"status": "ok"}, 200

    port = free_port()
    settings = settings_with(metrics_port=port, host="127.0.0.1")
    monitor = Monitor(settings, connect("redis://127.0.0.1:9/0"), clock, ready, observe)
    async with monitor.serving(), httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/metrics")).status_code == 500
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.exc_info
    assert line.exc_info[0] is ZeroDivisionError


async def test_a_port_in_use_is_logged(
    redis: Any, redis_url: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """If another program uses the port, the process says so and works without it."""
    with free_socket() as taken:
        port = taken.getsockname()[1]
        async with open_app(
            redis, redis_url, clock, metrics_port=port, host="127.0.0.1"
        ) as harness:
            exchange = await harness.ada.command("/emporix help")
    assert exchange.ack_status == 200
    messages = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert set(messages) == {"METRICS_PORT cannot be used: Address already in use"}


async def test_a_worker_that_takes_no_tasks_is_not_ready(
    redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """A worker is ready while its queue answers, and until it stops."""
    async with open_app(redis, redis_url, clock) as harness:
        parts, queue = harness.worker._parts, harness.worker.queue
        assert await parts.check_readiness() == ({"status": "ok"}, 200)
        queue.is_answering = False
        assert (await parts.check_readiness())[1] == 503
        queue.is_answering = True
        parts.is_stopping.set()
        assert (await parts.check_readiness())[1] == 503


async def test_without_redis_its_gauges_are_unknown(clock: FakeClock) -> None:
    """If Redis does not answer, a scrape does, and gauges from Redis are NaN instead of old."""
    metrics.WORKERS.set(3)
    port = free_port()
    settings = settings_with(metrics_port=port, host="127.0.0.1")
    redis = connect("redis://127.0.0.1:9/0")

    async def ready() -> Any:
        return {"status": "ok"}, 200

    monitor = Monitor(settings, redis, clock, ready, lambda: None)
    async with monitor.serving(), httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
    value = selected(parse(answer.text), "emporix_bot_workers")
    assert value != value


def settings_with(**more: Any) -> Settings:
    return Settings.model_validate(
        {
            "slack_bot_token": "xoxb-1",
            "slack_signing_secret": "0" * 32,
            "redis_url": "redis://localhost",
            "encryption_keys": new_key(),
        }
        | more
    )


WITHOUT_PORT = """
import sys
from types import SimpleNamespace
import bot.web, bot.worker
from bot import metrics
from bot.monitoring import start_monitoring
start_monitoring(SimpleNamespace(metrics_port=None, sentry_dsn=None))
metrics.REQUESTS.count("command", "ok")
metrics.ACK_SECONDS.observe(1.0)
assert not any(metric._children for metric in metrics.METRICS)
print(sorted({"prometheus_client", "sentry_sdk"} & set(sys.modules)))
"""


def test_without_a_port_nothing_is_recorded() -> None:
    """Without METRICS_PORT, the libraries are not imported and nothing is stored."""
    command = [sys.executable, "-c", WITHOUT_PORT]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_scrape_stays_small() -> None:
    """The metrics of a process that has just started take at most 100 kB."""
    script = "from bot import metrics; metrics.enable(); print(len(metrics.exposition()[0]))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert 10_000 < int(done.stdout) < 100_000


def test_an_error_of_a_library_is_seen() -> None:
    """The first error line of a library changes a time series that exists, so an alert sees it."""
    assert ("error", OTHER) in metrics.LOG_LINES.initial_series()


def test_log_lines_are_counted() -> None:
    """A warning of the app is counted by its logger; lines below, and texts, are not."""
    before = recorded()
    logger = logging.getLogger("bot.tasks.digests")
    logger.info("nothing")
    logger.warning("digest %s is paused: %s", "d1", "outsiders")
    logging.getLogger("acme.library").warning("x")
    logging.getLogger("acme.library").critical("x")
    after = recorded()
    for selector, count in (
        ('{level="warning",logger="bot.tasks.digests"}', 1),
        ('{level="warning",logger="other"}', 1),
        ('{level="error",logger="other"}', 1),
    ):
        name = f"emporix_bot_log_lines_total{selector}"
        assert selected(after, name) - selected(before, name) == count
