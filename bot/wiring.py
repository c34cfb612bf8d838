"""Creates the services of a process from its settings.

A listener or task takes a service by naming the field as a parameter, with the field's type. To
add a service, add a field to one of the dataclasses, and build it in the function below that.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any

import bot.listeners
from bot.clockwork.calls import Queues
from bot.logs import write_line
from bot.resources import Resources, slack_client
from bot.say.render import Say
from bot.services.accounts import Accounts
from bot.services.alerts.alerts import Alerts
from bot.services.alerts.course import AlertCourse
from bot.services.alerts.looks import AlertLooks
from bot.services.asking import Asking
from bot.services.cleans.cleaning import Cleaning
from bot.services.cleans.counting import Counting
from bot.services.cleans.running import CleanRuns
from bot.services.deletes import Deletes
from bot.services.departures import Departures
from bot.services.digests.digests import Digests
from bot.services.digests.history import Histories
from bot.services.digests.report import Reports
from bot.services.exports import Exports
from bot.services.finding import Finding
from bot.services.homes.figures import AsksFigures
from bot.services.homes.overview import Overviews
from bot.services.jobs import Jobs
from bot.services.jobs_by_id import JobsById
from bot.services.session_logs import SessionLogs
from bot.services.shared_deletes import SharedDeletes
from bot.services.sharing import Sharing
from bot.services.watches.watching import Watching
from bot.services.whole_lists import WholeLists
from bot.settings import Settings
from bot.slack.alert_posts import AlertPosts
from bot.slack.digest_channels import DigestChannels
from bot.slack.digest_forms import DigestForms
from bot.slack.digest_posts import DigestPosts
from bot.slack.directly import Directly
from bot.slack.installation import Installation
from bot.slack.once import Once
from bot.slack.registry import Registry, discover
from bot.slack.told_once import ToldOnce
from bot.store.accounts import AccountStore
from bot.store.alerts import AlertStore, new_alert_id
from bot.store.alive import Alive
from bot.store.audiences import Audiences
from bot.store.audit import AuditLog
from bot.store.chart_support import ChartSupport
from bot.store.clean_results import CleanResults
from bot.store.cleans import CleanStore
from bot.store.connection import Commands
from bot.store.cursors import CursorStore, new_cursor_id
from bot.store.day_counts import DayCounts
from bot.store.deletions import Deletions
from bot.store.digests import DigestStore, new_digest_id
from bot.store.erasure import Erasure
from bot.store.forms import FormStore
from bot.store.homes import HomeStore
from bot.store.locks import new_holder
from bot.store.pace import Pace
from bot.store.posts import Posts
from bot.store.shifts import Shifts
from bot.store.stopped_teams import StoppedTeams
from bot.store.watches import WatchStore, new_watch_id

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stores:
    """The records that several services share."""

    account_store: AccountStore
    alert_store: AlertStore
    cleanup_store: CleanStore
    digest_store: DigestStore
    watch_store: WatchStore


def build_stores(resources: Resources) -> Stores:
    redis, keys = resources.redis, resources.keys
    return Stores(
        account_store=resources.accounts,
        alert_store=AlertStore(redis, keys),
        cleanup_store=CleanStore(redis, keys),
        digest_store=DigestStore(redis, keys),
        watch_store=WatchStore(redis, keys),
    )


@dataclass(frozen=True, slots=True)
class Services(Stores):
    """The services of both processes."""

    accounts: Accounts
    alert_course: AlertCourse
    alerts: Alerts
    alive: Alive
    audiences: Audiences
    audit: AuditLog
    departures: Departures
    digest_channels: DigestChannels
    digests: Digests
    directly: Directly
    histories: Histories
    installation: Installation
    jobs: Jobs
    reports: Reports
    say: Say
    shared_deletes: SharedDeletes
    sharing: Sharing
    watching: Watching


def build_services(
    resources: Resources,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> Services:
    settings, redis, slack = resources.settings, resources.redis, resources.slack
    say, audit = Say.default(settings.deletes), audit_log(settings, redis)
    jobs = _jobs(resources, new_cursor_id)
    stores, clock = build_stores(resources), resources.clock
    watching = _watching(resources, stores, jobs)
    course, alerts = _alerts(resources, stores)
    digests = Digests(stores.digest_store, clock, new_digest_id)
    reports = Reports(resources.patient_jobs, clock)
    resources.exit_stack.push_async_callback(reports.close)
    allow_outsiders = settings.allow_shared_channels
    return Services(
        **_fields(stores),
        accounts=Accounts(resources.accounts, resources.emporix, clock),
        alert_course=course,
        alerts=alerts,
        alive=Alive(redis),
        audiences=Audiences(redis, resources.keys, settings.slack_channel_reads_per_minute),
        audit=audit,
        departures=_departures(resources, stores, digests, alerts, course, watching),
        digest_channels=DigestChannels(slack, allow_outsiders=allow_outsiders),
        digests=digests,
        directly=Directly(say, slack),
        histories=_histories(resources),
        installation=Installation(slack, allow_outsiders=allow_outsiders),
        jobs=jobs,
        reports=reports,
        say=say,
        shared_deletes=_shared_deletes(resources, audit),
        sharing=_sharing(resources, jobs, new_cursor_id),
        watching=watching,
    )


def _histories(resources: Resources) -> Histories:
    counts = DayCounts(resources.redis, resources.keys)
    histories = Histories(resources.emporix, counts, resources.clock)
    resources.exit_stack.push_async_callback(histories.close)
    return histories


def _jobs(resources: Resources, new_cursor_id: Callable[[], str]) -> Jobs:
    return Jobs(
        resources.named_jobs,
        CursorStore(resources.redis, resources.clock),
        dashboard_url=resources.settings.emporix_dashboard_url,
        new_cursor_id=new_cursor_id,
        clock=resources.clock,
    )


def _sharing(resources: Resources, jobs: Jobs, new_cursor_id: Callable[[], str]) -> Sharing:
    return Sharing(
        jobs,
        CursorStore(resources.redis, resources.clock),
        Deletions(resources.redis),
        new_cursor_id=new_cursor_id,
        allow_outsiders=resources.settings.allow_shared_channels,
    )


def _shared_deletes(resources: Resources, audit: AuditLog) -> SharedDeletes:
    allowed = resources.settings.deletes != "off"
    deletes = Deletes(resources.emporix, audit, allowed=allowed)
    return SharedDeletes(deletes, Deletions(resources.redis), resources.clock)


def _watching(resources: Resources, stores: Stores, jobs: Jobs) -> Watching:
    return Watching(
        jobs,
        JobsById(resources.named_jobs),
        stores.watch_store,
        resources.accounts,
        new_watch_id=new_watch_id,
        clock=resources.clock,
    )


def _alerts(resources: Resources, stores: Stores) -> tuple[AlertCourse, Alerts]:
    emporix, store, clock = resources.named_jobs, stores.alert_store, resources.clock
    course = AlertCourse(store, clock)
    return course, Alerts(emporix, store, course, new_alert_id=new_alert_id, clock=clock)


def _departures(
    resources: Resources,
    stores: Stores,
    digests: Digests,
    alerts: Alerts,
    course: AlertCourse,
    watching: Watching,
) -> Departures:
    redis = resources.redis
    return Departures(
        stores.account_store,
        digests,
        stores.digest_store,
        alerts,
        stores.alert_store,
        course,
        watching,
        stores.watch_store,
        StoppedTeams(redis),
        Erasure(redis, resources.keys),
        stores.cleanup_store,
        resources.clock,
    )


@dataclass(frozen=True, slots=True)
class WebServices(Services):
    """The services of the web process."""

    asking: Asking
    cleaning: Cleaning
    digest_forms: DigestForms
    exports: Exports
    finding: Finding
    forms: FormStore
    logs: SessionLogs
    overviews: Overviews
    registry: Registry
    whole_lists: WholeLists


def build_web_services(
    resources: Resources,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> WebServices:
    redis, emporix, names = resources.redis, resources.emporix, resources.names
    shared, asking = build_services(resources, new_cursor_id, new_digest_id), Asking(names)
    return WebServices(
        **_fields(shared),
        asking=asking,
        cleaning=_cleaning(resources, shared.cleanup_store, new_cursor_id),
        digest_forms=DigestForms(shared.accounts, asking, shared.digests, shared.digest_channels),
        exports=Exports(emporix),
        finding=Finding(resources.named_jobs, names, resources.settings.emporix_dashboard_url),
        forms=FormStore(redis, resources.keys, new_cursor_id),
        logs=SessionLogs(emporix),
        overviews=_overviews(resources, shared),
        registry=discover(bot.listeners),
        whole_lists=WholeLists(
            resources.named_jobs, CursorStore(redis, resources.clock), clock=resources.clock
        ),
    )


def _cleaning(
    resources: Resources, cleanup_store: CleanStore, new_clean_id: Callable[[], str]
) -> Cleaning:
    redis = resources.redis
    return Cleaning(
        Counting(resources.named_jobs),
        resources.accounts,
        cleanup_store,
        CleanResults(redis),
        Alive(redis),
        clock=resources.clock,
        new_clean_id=new_clean_id,
        allowed=resources.settings.deletes == "all",
    )


def _overviews(resources: Resources, services: Services) -> Overviews:
    return Overviews(
        services.account_store,
        HomeStore(resources.redis, resources.keys),
        AsksFigures(resources.patient_jobs, resources.clock),
        digests=services.digest_store,
        alerts=services.alerts,
        watches=services.watch_store,
        audit=services.audit,
        clock=resources.clock,
    )


@dataclass(frozen=True, slots=True)
class WorkerServices(Services):
    """The services of the worker process; `worker_id` identifies it among all workers."""

    alert_looks: AlertLooks
    alert_posts: AlertPosts
    clean_runs: CleanRuns
    digest_posts: DigestPosts
    queue: Queues
    shifts: Shifts
    stopped_teams: StoppedTeams
    told_once: ToldOnce
    worker_id: str


def build_worker_services(
    resources: Resources, queue: Queues, sleep: Sleep = asyncio.sleep
) -> WorkerServices:
    shared, redis = build_services(resources), resources.redis
    say, once = shared.say, _once(resources, sleep)
    told_once = ToldOnce(say, once, resources.slack, shared.audiences)
    return WorkerServices(
        **_fields(shared),
        alert_looks=_alert_looks(resources, shared.alert_store),
        alert_posts=AlertPosts(say, once, told_once),
        clean_runs=_clean_runs(resources, shared.cleanup_store, shared.audit),
        digest_posts=DigestPosts(say, once, shared.digest_channels, told_once, ChartSupport(redis)),
        queue=queue,
        shifts=Shifts(redis),
        stopped_teams=StoppedTeams(redis),
        told_once=told_once,
        worker_id=secrets.token_hex(8),
    )


def _once(resources: Resources, sleep: Sleep) -> Once:
    """Its client does not retry: an interrupted request may have posted the message."""
    settings, redis = resources.settings, resources.redis
    client = slack_client(settings, resources.session, repeats=False)
    return Once(client, Posts(redis), Pace(redis, settings.slack_messages_per_minute), sleep)


def _alert_looks(resources: Resources, alert_store: AlertStore) -> AlertLooks:
    emporix, accounts = resources.named_jobs, resources.accounts
    return AlertLooks(emporix, JobsById(emporix), alert_store, accounts, resources.clock)


def _clean_runs(resources: Resources, cleanup_store: CleanStore, audit: AuditLog) -> CleanRuns:
    redis = resources.redis
    return CleanRuns(
        resources.emporix,
        resources.accounts,
        cleanup_store,
        CleanResults(redis),
        audit,
        clock=resources.clock,
        new_owner=new_holder,
        allowed=resources.settings.deletes == "all",
    )


def _fields(services: Stores) -> dict[str, Any]:
    """For the dataclasses that extend it."""
    return {field.name: getattr(services, field.name) for field in fields(services)}


def audit_log(settings: Settings, redis: Commands) -> AuditLog:
    """Also writes JSON lines to the log if LOG_AUDIT is set."""
    return AuditLog(redis, settings.audit_days, write_line if settings.log_audit else None)
