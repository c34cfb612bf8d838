"""What both processes work with: the pools, the stores and the services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.http_session import http_session
from bot.keys import parse_keys
from bot.logs import write_line
from bot.say.render import Say
from bot.services.accounts import Accounts
from bot.services.agents import AgentNames
from bot.services.asking import Asking
from bot.services.deletes import Deletes
from bot.services.digests.digests import Digests
from bot.services.digests.history import Histories
from bot.services.digests.report import Reports
from bot.services.exports import Exports
from bot.services.finding import Finding
from bot.services.homes.overview import Overviews
from bot.services.jobs import Jobs
from bot.services.naming import NamedJobs
from bot.services.session_logs import SessionLogs
from bot.services.shared_deletes import SharedDeletes
from bot.services.sharing import Sharing
from bot.services.whole_lists import WholeLists
from bot.settings import Settings
from bot.slack.digest_channels import DigestChannels
from bot.slack.digest_forms import DigestForms
from bot.slack.retries import retry_handlers
from bot.store.accounts import AccountStore
from bot.store.alive import Alive
from bot.store.audiences import Audiences
from bot.store.audit import AuditLog
from bot.store.canary import Canary
from bot.store.connection import Commands, connect
from bot.store.cursors import CursorStore, new_cursor_id
from bot.store.day_counts import DayCounts
from bot.store.deletions import Deletions
from bot.store.digests import DigestStore, new_digest_id
from bot.store.forms import FormStore
from bot.store.probe import Probe
from bot.store.records import Records
from bot.store.tokens import TokenStore
from bot.store.vault import Vault
from bot.wiring.cleans import cleans
from bot.wiring.departures import departures
from bot.wiring.following import following
from bot.wiring.homes import overviews

Clock = Callable[[], float]
"""Seconds since 1970."""

REFUSED = 2
"""The exit status of a process that must not work as it is set up."""

Connect = Callable[[str, Canary], Commands]
"""Makes the client of the Redis at an address, as `bot.store.connection.connect` does."""

SLACK_SECONDS = 10

NAMES_SECONDS = 2.0
"""So long digests wait for the names of agents: nobody waits for a digest."""


@dataclass(frozen=True, slots=True)
class Shared:
    """One of each for the process; `services` are offered by name to listeners and tasks."""

    redis: Commands
    session: aiohttp.ClientSession
    slack: AsyncWebClient
    say: Say
    accounts: AccountStore
    digest_channels: DigestChannels
    overviews: Overviews
    services: dict[str, object]
    ping: Callable[[], Awaitable[None]]
    """Raises StoreUnavailable with the kind of trouble; asks Redis at most once a second."""


@asynccontextmanager
async def shared_parts(
    settings: Settings,
    clock: Clock,
    canary: Canary,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    new_digest_id: Callable[[], str] = new_digest_id,
    connect: Connect = connect,
) -> AsyncIterator[Shared]:
    """The parts that are open as long as the process works."""
    async with AsyncExitStack() as stack:
        redis, ping = _redis(settings, canary, connect, stack)
        session = await stack.enter_async_context(slack_session())
        http = await stack.enter_async_context(http_client(settings.emporix_api_url))
        emporix = EmporixClient(http, TokenStore(redis, sealed_records(settings)), clock)
        names = AgentNames(emporix, clock)
        stack.push_async_callback(names.close)
        stored, slack = (
            AccountStore(redis, sealed_records(settings)),
            slack_client(settings, session),
        )
        channels = DigestChannels(slack, allow_outsiders=settings.allow_shared_channels)
        named = NamedJobs(emporix, names)
        patient = NamedJobs(emporix, names, grace_seconds=NAMES_SECONDS)
        accounts, asking = Accounts(stored, emporix, clock), Asking(names)
        services = {
            **_counted(settings, redis, emporix, patient, clock, stack),
            "accounts": accounts,
            "account_store": stored,
            "asking": asking,
            **_jobs(settings, redis, stored, named, clock, new_cursor_id),
            **_deletes(settings, redis, stored, emporix, names, clock, new_cursor_id),
            **_carried(redis, emporix, named, clock),
            "finding": Finding(named, names, settings.emporix_dashboard_url),
            "forms": FormStore(redis, vault(settings), new_cursor_id),
            **_digests(redis, vault(settings), accounts, asking, channels, clock, new_digest_id),
        }
        services["departures"] = departures(redis, vault(settings), stored, services, clock)
        homes = overviews(redis, vault(settings), patient, services, clock)
        say = Say.default(settings.deletes)
        yield Shared(redis, session, slack, say, stored, channels, homes, services, ping)


def _redis(
    settings: Settings, canary: Canary, connect: Connect, stack: AsyncExitStack
) -> tuple[Commands, Callable[[], Awaitable[None]]]:
    """The client of the process, closed with the stack, and what asks whether Redis works."""
    redis = connect(settings.redis_url.get_secret_value(), canary)
    stack.push_async_callback(redis.aclose)
    return redis, Probe(redis).ping


def _counted(
    settings: Settings,
    redis: Commands,
    emporix: EmporixClient,
    patient: NamedJobs,
    clock: Clock,
    stack: AsyncExitStack,
) -> dict[str, object]:
    """What counts jobs for digests; closed with the stack."""
    reports = Reports(patient, clock)
    histories = Histories(emporix, DayCounts(redis, vault(settings)), clock)
    stack.push_async_callback(reports.close)
    stack.push_async_callback(histories.close)
    return {"reports": reports, "histories": histories}


def _jobs(
    settings: Settings,
    redis: Commands,
    stored: AccountStore,
    emporix: NamedJobs,
    clock: Clock,
    new_cursor_id: Callable[[], str],
) -> dict[str, object]:
    """What there is for jobs."""
    cursors = CursorStore(redis, clock)
    jobs = Jobs(
        emporix,
        cursors,
        dashboard_url=settings.emporix_dashboard_url,
        new_cursor_id=new_cursor_id,
        clock=clock,
    )
    sharing = Sharing(
        jobs,
        cursors,
        Deletions(redis),
        new_cursor_id=new_cursor_id,
        allow_outsiders=settings.allow_shared_channels,
    )
    return {
        "audiences": audiences(settings, redis),
        "jobs": jobs,
        "sharing": sharing,
        **following(redis, vault(settings), emporix, jobs, stored, clock),
    }


def _carried(
    redis: Commands, emporix: EmporixClient, named: NamedJobs, clock: Clock
) -> dict[str, object]:
    """What there is for what jobs carry."""
    return {
        "exports": Exports(emporix),
        "logs": SessionLogs(emporix),
        "whole_lists": WholeLists(named, CursorStore(redis, clock), clock=clock),
    }


def _deletes(
    settings: Settings,
    redis: Commands,
    stored: AccountStore,
    emporix: EmporixClient,
    names: AgentNames,
    clock: Clock,
    new_id: Callable[[], str],
) -> dict[str, object]:
    """What there is for deletes, as far as the operator allows them."""
    keys, may_clean = vault(settings), settings.deletes == "all"
    audit = audit_log(settings, redis)
    deletes = Deletes(emporix, audit, allowed=settings.deletes != "off")
    return {
        "shared_deletes": SharedDeletes(deletes, Deletions(redis), clock),
        **cleans(redis, keys, stored, emporix, names, audit, clock, new_id, allowed=may_clean),
        "audit": audit,
    }


def _digests(
    redis: Commands,
    keys: Vault,
    accounts: Accounts,
    asking: Asking,
    channels: DigestChannels,
    clock: Clock,
    new_digest_id: Callable[[], str],
) -> dict[str, object]:
    """What there is for digests."""
    store = DigestStore(redis, keys)
    digests = Digests(store, clock, new_digest_id)
    return {
        "digest_store": store,
        "alive": Alive(redis),
        "digests": digests,
        "digest_channels": channels,
        "digest_forms": DigestForms(accounts, asking, digests, channels),
    }


def audit_log(settings: Settings, redis: Commands) -> AuditLog:
    """Who changed what; as JSON lines, too, if the operator wants them."""
    return AuditLog(redis, settings.audit_days, write_line if settings.log_audit else None)


def audiences(settings: Settings, redis: Commands) -> Audiences:
    """Caches who reads which channel."""
    return Audiences(redis, vault(settings), settings.slack_channel_reads_per_minute)


def sealed_records(settings: Settings) -> Records:
    """Reads and writes what is secret in Redis, with the configured keys."""
    return Records(vault(settings))


def vault(settings: Settings) -> Vault:
    return Vault(parse_keys(settings.encryption_keys.get_secret_value()))


def slack_session() -> aiohttp.ClientSession:
    """One pool of connections to Slack for the process."""
    return http_session(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))


def slack_client(
    settings: Settings, session: aiohttp.ClientSession, *, repeats: bool = True
) -> AsyncWebClient:
    """Slack's Web API at the configured address; `repeats`: what is safe to send again is."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=f"{settings.slack_api_url}/",
        session=session,
        timeout=SLACK_SECONDS,
        retry_handlers=retry_handlers() if repeats else [],
    )
