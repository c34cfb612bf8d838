"""Many digests due at the same time, and everything that real workers need to post them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.accounts import READ_SCOPE, Caller, Connection, Credentials
from bot.domain.digests import Digest, Schedule, ScheduledRun
from bot.domain.filters import Filters
from bot.store.accounts import AccountStore
from bot.store.connection import connect
from bot.store.digests import DigestStore
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.directory import ADA, BOT_USER_ID, TEAM_ID, Channel
from sandbox.slack.workspace import Workspace
from tests.faults.failures import RestartableRedis

CHANNELS = 50
WITH_THREAD = 20
"""This many digests, the first ones, have a chart, and more failures than their message
shows; the rest is in its thread.
"""

STATUSES = ("success", "failure", "skipped", "failure", "failure", "failure")
OWNERS = [Caller(TEAM_ID, ADA.id), *(Caller(TEAM_ID, f"U0FAULT{number}") for number in range(4))]
"""The limit of digests per owner is 50."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The environment of the workers; `folder` contains their logs."""

    workspace: Workspace
    emporix_state: EmporixState
    redis: RestartableRedis
    settings: dict[str, str]
    folder: Path


@asynccontextmanager
async def open_scenario(folder: Path) -> AsyncIterator[Scenario]:
    emporix_state, workspace = EmporixState(time.time), Workspace(time.time)
    for number in range(6):
        emporix_state.add_job(
            "acme", agentId="calm" if number < 3 else "troubled", status=STATUSES[number]
        )
    for days in range(1, 4):
        emporix_state.add_job("acme", agentId="troubled", metadata=days_ago(days))
    for number in range(CHANNELS):
        members = frozenset({ADA.id, BOT_USER_ID})
        channel = Channel(f"C0FAULT{number:02}", f"fault-{number:02}", members)
        workspace.directory.channels[channel.id] = channel
    workspace.post_limits.by_channel = True
    async with AsyncExitStack() as parts:
        private = parts.enter_context(tempfile.TemporaryDirectory(prefix="emporix-faults-"))
        redis = RestartableRedis(folder / "redis", Path(private, "redis.sock"))
        parts.callback(redis.kill)
        emporix = await parts.enter_async_context(serving(create_emporix(emporix_state)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        settings = {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": redis.url,
            "ENCRYPTION_KEYS": new_key(),
            "LOG_LEVEL": "INFO",
            "SLACK_CHANNEL_READS_PER_MINUTE": "6000",
        }
        yield Scenario(workspace, emporix_state, redis, settings, folder)


def days_ago(days: int) -> dict[str, object]:
    stamp = datetime.fromtimestamp(time.time() - days * 86400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"version": 1, "createdAt": stamp, "modifiedAt": stamp}


async def set_up(scenario: Scenario, due: float, digests: int) -> None:
    """Set up this many digests, due at the same time, with Ada's connection."""
    redis = connect(scenario.redis.url)
    records = AccountEncryption(cipher(scenario))
    credentials = Credentials(ACME_OPERATIONS.client_id, ACME_OPERATIONS.client_secret)
    for owner in OWNERS:
        connection = Connection(owner, "acme", credentials, frozenset({READ_SCOPE}), due)
        await AccountStore(redis, records).save(connection, default=True)
    first = Digest(
        id="",
        owner=OWNERS[0],
        channel_id="",
        name="Daily jobs",
        schedule=Schedule(0, "UTC", tuple(range(7))),
        tenant="acme",
        scheduled_run=ScheduledRun("2026-11-24", due),
        checked_at=due,
    )
    for number in range(digests):
        channel_id = f"C0FAULT{number % CHANNELS:02}"
        agent = "troubled" if number < WITH_THREAD else "calm"
        digest = replace(
            first,
            id=f"{number:03}",
            owner=OWNERS[number % len(OWNERS)],
            name=f"Daily jobs {number}",
            channel_id=channel_id,
            chart=number < WITH_THREAD,
        )
        await DigestStore(redis, cipher(scenario)).save(
            replace(digest, filters=Filters(agents=(agent,)))
        )
    await redis.aclose()


def cipher(scenario: Scenario) -> Cipher:
    return Cipher(parse_keys(scenario.settings["ENCRYPTION_KEYS"]))


def posted(scenario: Scenario) -> Counter[str]:
    """Return the number of posts of each digest in its channel."""
    return Counter(
        message.metadata["event_payload"]["name"]
        for number in range(CHANNELS)
        for message in scenario.workspace.messages.of_channel(f"C0FAULT{number:02}")
    )


def charts(scenario: Scenario) -> int:
    """Return the number of digests with a chart."""
    return sum(
        block["type"] == "data_visualization"
        for number in range(CHANNELS)
        for message in scenario.workspace.messages.of_channel(f"C0FAULT{number:02}")
        for block in message.blocks
    )


async def settled(scenario: Scenario) -> int:
    """Return the number of digests recorded as posted."""
    redis = connect(scenario.redis.url)
    store = DigestStore(redis, cipher(scenario))
    found = [digest for owner in OWNERS for digest in await store.of_owner(owner)]
    await redis.aclose()
    return sum(digest.posted_on == "2026-11-24" for digest in found)


async def all_settled(scenario: Scenario, digests: int, within: float) -> bool:
    ends = time.time() + within
    while time.time() < ends:
        if await settled(scenario) == digests:
            return True
        await asyncio.sleep(0.5)
    return False


def last_post(scenario: Scenario) -> float:
    return max(
        float(message.ts)
        for number in range(CHANNELS)
        for message in scenario.workspace.messages.of_channel(f"C0FAULT{number:02}")
    )
