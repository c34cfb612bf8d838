"""Creates the services of a process from its settings.

Listeners and tasks get a service by declaring a parameter with the field's name and type. To add a
service, add a field to one of the dataclasses, and build it in the function below that dataclass.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any
from uuid import uuid4

import bot.listeners
from bot.rendering.renderer import Renderer
from bot.resources import Resources, Stores, audit_log, build_stores, slack_client
from bot.scheduler.tasks import TaskQueue
from bot.services.accounts import AccountService
from bot.services.agent_pauses import AgentPauses
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.lifecycle import AlertLifecycle, AlertResponder
from bot.services.alerts.poll import AlertPoller
from bot.services.cleanups.cleanups import CleanupService
from bot.services.cleanups.run import CleanupRuns
from bot.services.cleanups.selection import CleanupCounts
from bot.services.deletes import DeleteService, SharedDeletes
from bot.services.departures import Departures
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestFormService
from bot.services.digests.history import DailyHistory
from bot.services.digests.report import DigestReports
from bot.services.exports import CsvExport, Exports
from bot.services.filters.parser import FilterResolver
from bot.services.find_jobs import JobFinder
from bot.services.home import HomeService, TenantStatsReader
from bot.services.jobs import JobsById, JobService
from bot.services.runs import RunService
from bot.services.session_logs import ErrorLines, SessionLogs
from bot.services.sharing import SharingService
from bot.services.watches import WatchService
from bot.settings import Settings
from bot.slack.conversations import DigestChannels
from bot.slack.decorators import Registry, discover
from bot.slack.installation import Installation
from bot.slack.posting.alerts import AlertMessages, AlertPoster
from bot.slack.posting.digests import DigestPoster
from bot.slack.posting.notifier import DirectMessages, Notifier
from bot.slack.posting.post_once import IdempotentPoster
from bot.store.accounts import StoppedTeams
from bot.store.alerts import new_alert_id
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupResults, CleanupStore
from bot.store.digests import DailyCounts, new_digest_id
from bot.store.erasure import Erasure
from bot.store.health import Heartbeats
from bot.store.home import HomeStore
from bot.store.idempotency import Deletions, IdempotencyClaims
from bot.store.locks import WorkerLeases, new_holder
from bot.store.rate_limits import MessageRateLimiter
from bot.store.slack_cache import AudienceCache, ChartSupport, TimeZoneCache
from bot.store.ui_state import FormStore, ListStore, new_cursor_id
from bot.store.watches import new_watch_id

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Services(Stores):
    """The services of both processes."""

    accounts: AccountService
    agent_pauses: AgentPauses
    alert_lifecycle: AlertLifecycle
    alert_messages: AlertMessages
    alert_responder: AlertResponder
    alerts: AlertService
    heartbeats: Heartbeats
    audiences: AudienceCache
    audit: AuditLog
    departures: Departures
    digest_channels: DigestChannels
    digests: DigestService
    direct_messages: DirectMessages
    daily_history: DailyHistory
    installation: Installation
    jobs: JobService
    digest_reports: DigestReports
    error_lines: ErrorLines
    renderer: Renderer
    runs: RunService
    shared_deletes: SharedDeletes
    sharing: SharingService
    watches: WatchService


def build_services(
    resources: Resources,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> Services:
    settings, redis, slack = resources.settings, resources.redis, resources.slack
    renderer, audit = _renderer(settings), audit_log(settings, redis)
    stores, clock = build_stores(resources), resources.clock
    jobs = _jobs(resources, stores, new_cursor_id)
    watches = _watches(resources, stores, jobs)
    lifecycle, alerts = _alerts(resources, stores)
    responder = AlertResponder(stores.alert_store, clock)
    digests = DigestService(stores.digest_store, clock, new_digest_id)
    daily_history, error_lines, digest_reports = _reports(resources)
    return Services(
        **_fields(stores),
        accounts=AccountService(resources.accounts, resources.emporix, clock),
        agent_pauses=_agent_pauses(resources, stores),
        alert_lifecycle=lifecycle,
        alert_messages=AlertMessages(renderer, slack, Deletions(redis), responder, clock),
        alert_responder=responder,
        alerts=alerts,
        heartbeats=Heartbeats(redis, clock()),
        audiences=AudienceCache(redis, resources.cipher, settings.slack_channel_reads_per_minute),
        audit=audit,
        departures=_departures(resources, stores, digests, alerts, lifecycle, watches),
        digest_channels=DigestChannels(slack, allow_outsiders=settings.allow_shared_channels),
        digests=digests,
        direct_messages=DirectMessages(renderer, slack),
        daily_history=daily_history,
        installation=Installation(slack, allow_outsiders=settings.allow_shared_channels),
        jobs=jobs,
        digest_reports=digest_reports,
        error_lines=error_lines,
        renderer=renderer,
        runs=_runs(resources, stores, jobs, audit),
        shared_deletes=_shared_deletes(resources, audit),
        sharing=_sharing(resources, jobs, new_cursor_id),
        watches=watches,
    )


def _renderer(settings: Settings) -> Renderer:
    return Renderer.default(settings.deletes, may_act=settings.agent_actions == "on")


def _reports(resources: Resources) -> tuple[DailyHistory, ErrorLines, DigestReports]:
    emporix, clock = resources.emporix, resources.clock
    history = DailyHistory(emporix, DailyCounts(resources.redis, resources.cipher), clock)
    lines = ErrorLines(emporix, clock)
    reports = DigestReports(resources.patient_jobs, lines, clock)
    for service in (history, lines, reports):
        resources.exit_stack.push_async_callback(service.close)
    return history, lines, reports


def _jobs(resources: Resources, stores: Stores, new_cursor_id: Callable[[], str]) -> JobService:
    return JobService(
        resources.named_jobs,
        ListStore(resources.redis, resources.clock),
        stores.run_store,
        dashboard_url=resources.settings.emporix_dashboard_url,
        new_cursor_id=new_cursor_id,
        clock=resources.clock,
    )


def _sharing(
    resources: Resources, jobs: JobService, new_cursor_id: Callable[[], str]
) -> SharingService:
    return SharingService(
        jobs,
        ListStore(resources.redis, resources.clock),
        Deletions(resources.redis),
        new_cursor_id=new_cursor_id,
        allow_outsiders=resources.settings.allow_shared_channels,
    )


def _shared_deletes(resources: Resources, audit: AuditLog) -> SharedDeletes:
    allowed = resources.settings.deletes != "off"
    deletes = DeleteService(resources.emporix, audit, allowed=allowed)
    return SharedDeletes(deletes, Deletions(resources.redis), resources.clock)


def _agent_pauses(resources: Resources, stores: Stores) -> AgentPauses:
    return AgentPauses(
        resources.emporix,
        resources.accounts,
        stores.agent_pause_store,
        Deletions(resources.redis),
        resources.clock,
        allowed=resources.settings.agent_actions == "on",
    )


def _runs(resources: Resources, stores: Stores, jobs: JobService, audit: AuditLog) -> RunService:
    return RunService(
        jobs,
        resources.emporix,
        stores.run_store,
        resources.accounts,
        audit,
        clock=resources.clock,
        new_session_id=lambda: str(uuid4()),
        allowed=resources.settings.agent_actions == "on",
    )


def _watches(resources: Resources, stores: Stores, jobs: JobService) -> WatchService:
    return WatchService(
        jobs,
        JobsById(resources.named_jobs),
        stores.watch_store,
        resources.accounts,
        new_watch_id=new_watch_id,
        clock=resources.clock,
    )


def _alerts(resources: Resources, stores: Stores) -> tuple[AlertLifecycle, AlertService]:
    emporix, store, clock = resources.named_jobs, stores.alert_store, resources.clock
    lifecycle = AlertLifecycle(store, clock)
    return lifecycle, AlertService(
        emporix, store, lifecycle, new_alert_id=new_alert_id, clock=clock
    )


def _departures(
    resources: Resources,
    stores: Stores,
    digests: DigestService,
    alerts: AlertService,
    lifecycle: AlertLifecycle,
    watches: WatchService,
) -> Departures:
    return Departures(
        stores.account_store,
        digests,
        stores.digest_store,
        alerts,
        stores.alert_store,
        lifecycle,
        watches,
        stores.watch_store,
        StoppedTeams(resources.redis),
        Erasure(resources.redis, resources.cipher),
        stores.cleanup_store,
        resources.clock,
    )


@dataclass(frozen=True, slots=True)
class WebServices(Services):
    """The services of the web process."""

    filter_resolver: FilterResolver
    cleanups: CleanupService
    digest_form: DigestFormService
    exports: Exports
    job_finder: JobFinder
    forms: FormStore
    session_logs: SessionLogs
    home_service: HomeService
    registry: Registry
    csv_export: CsvExport


def build_web_services(
    resources: Resources,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> WebServices:
    redis, emporix, names = resources.redis, resources.emporix, resources.names
    shared = build_services(resources, new_cursor_id, new_digest_id)
    filter_resolver = FilterResolver(names)
    return WebServices(
        **_fields(shared),
        filter_resolver=filter_resolver,
        cleanups=_cleanups(resources, shared.cleanup_store, new_cursor_id),
        digest_form=DigestFormService(shared.accounts, filter_resolver, shared.digests),
        exports=Exports(emporix),
        job_finder=JobFinder(resources.named_jobs, names, resources.settings.emporix_dashboard_url),
        forms=FormStore(redis, resources.cipher, new_cursor_id),
        session_logs=SessionLogs(emporix),
        home_service=_home_service(resources, shared),
        registry=discover(bot.listeners),
        csv_export=CsvExport(
            resources.named_jobs, ListStore(redis, resources.clock), clock=resources.clock
        ),
    )


def _cleanups(
    resources: Resources, cleanup_store: CleanupStore, new_clean_id: Callable[[], str]
) -> CleanupService:
    redis = resources.redis
    return CleanupService(
        CleanupCounts(resources.named_jobs),
        resources.accounts,
        cleanup_store,
        CleanupResults(redis),
        Heartbeats(redis, resources.clock()),
        clock=resources.clock,
        new_cleanup_id=new_clean_id,
        allowed=resources.settings.deletes == "all",
    )


def _home_service(resources: Resources, services: Services) -> HomeService:
    return HomeService(
        services.account_store,
        HomeStore(resources.redis, resources.cipher),
        TenantStatsReader(resources.patient_jobs, resources.clock),
        digests=services.digest_store,
        alerts=services.alerts,
        responder=services.alert_responder,
        watches=services.watch_store,
        audit=services.audit,
        clock=resources.clock,
    )


@dataclass(frozen=True, slots=True)
class WorkerServices(Services):
    """The services of the worker process; `worker_id` identifies it among all workers."""

    alert_poller: AlertPoller
    alert_poster: AlertPoster
    cleanup_runs: CleanupRuns
    digest_poster: DigestPoster
    queue: TaskQueue
    worker_leases: WorkerLeases
    stopped_teams: StoppedTeams
    notifier: Notifier
    worker_id: str


def build_worker_services(
    resources: Resources, queue: TaskQueue, sleep: Sleep = asyncio.sleep
) -> WorkerServices:
    shared, redis = build_services(resources), resources.redis
    renderer, poster = shared.renderer, _build_poster(resources, sleep)
    notifier = Notifier(renderer, poster, resources.slack, shared.audiences, TimeZoneCache(redis))
    return WorkerServices(
        **_fields(shared),
        alert_poller=_alert_poller(resources, shared),
        alert_poster=AlertPoster(renderer, poster, notifier, shared.alert_messages),
        cleanup_runs=_cleanup_runs(resources, shared.cleanup_store, shared.audit),
        digest_poster=DigestPoster(
            renderer, poster, shared.digest_channels, notifier, ChartSupport(redis)
        ),
        queue=queue,
        worker_leases=WorkerLeases(redis),
        stopped_teams=StoppedTeams(redis),
        notifier=notifier,
        worker_id=secrets.token_hex(8),
    )


def _build_poster(resources: Resources, sleep: Sleep) -> IdempotentPoster:
    """Build a poster without retries: an interrupted request may have posted the message."""
    settings, redis = resources.settings, resources.redis
    client = slack_client(settings, resources.session, repeats=False)
    return IdempotentPoster(
        client,
        IdempotencyClaims(redis),
        MessageRateLimiter(redis, settings.slack_messages_per_minute),
        sleep,
    )


def _alert_poller(resources: Resources, shared: Services) -> AlertPoller:
    return AlertPoller(
        resources.named_jobs,
        JobsById(resources.named_jobs),
        shared.error_lines,
        shared.alert_store,
        resources.accounts,
        resources.clock,
    )


def _cleanup_runs(
    resources: Resources, cleanup_store: CleanupStore, audit: AuditLog
) -> CleanupRuns:
    return CleanupRuns(
        resources.emporix,
        resources.accounts,
        cleanup_store,
        CleanupResults(resources.redis),
        audit,
        clock=resources.clock,
        new_holder=new_holder,
        allowed=resources.settings.deletes == "all",
    )


def _fields(services: Stores) -> dict[str, Any]:
    """The fields of `services`, to build a dataclass that extends it."""
    return {field.name: getattr(services, field.name) for field in fields(services)}
