"""The Redis user of the operator guide has exactly the permissions that the app needs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.exceptions import NoPermissionError

from bot.cli import forget_subject
from bot.doctor import run_checks
from bot.key_rotation import rotate
from bot.settings import Settings
from bot.store import keys as redis_keys
from bot.store.audit import AuditLog
from bot.store.connection import connect
from bot.store.encryption import new_key
from bot.store.erasure import ErasureSubject
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.person import Person
from sandbox.stack import running_stack
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.documents import text
from tests.harness.source_code import modules
from tests.listeners.jobs.fixtures import add_jobs
from tests.store.fixtures import ADA

GUIDE = "docs/operator-guide.md"
USER = "emporix-jobs"
SECONDS = 30.0
ONLY_A_NAME = "client"  # sent by the client library, which ignores a refusal
FOR_SOME = {"auth", "select", "ping", "info", "zrevrange", "hincrby", "time"} | {
    *("hkeys", "persist", "rename", "scan", "type", "xlen", "xrange", "xtrim")
}
"""For older servers, other databases, idle connections, other commands, and long work."""


def guide_commands() -> list[str]:
    """Return the commands in the operator guide that create the user."""
    return re.findall(rf"^ACL SETUSER {USER} .*$", text(GUIDE), re.MULTILINE)


@pytest.fixture
async def restricted_url(redis: Any, redis_url: str) -> AsyncIterator[str]:
    """Return the test's Redis for the user of the operator guide."""
    for line in guide_commands():
        await redis.execute_command(*line.split())
    await redis.execute_command("ACL", "LOG", "RESET")
    yield redis_url.replace("unix://", f"unix://{USER}:password@")
    await redis.execute_command("ACL", "DELUSER", USER)


def allowed() -> set[str]:
    """Return the commands that the operator guide allows."""
    words = [word for line in guide_commands() for word in line.split() if word.startswith("+")]
    return {word.removeprefix("+").partition("|")[0] for word in words}


def settings(redis_url: str, **others: str) -> Settings:
    secrets = {
        "slack_bot_token": "xoxb-1",
        "slack_signing_secret": "0" * 32,
        "redis_url": redis_url,
    }
    return Settings.model_validate(secrets | {"encryption_keys": new_key()} | others)


async def refused(redis: Any) -> set[str]:
    return {entry["object"] for entry in await redis.acl_log()}


async def do_everything(harness: AppHarness) -> None:
    """Use every feature that accesses Redis, with an expired token, too."""
    add_jobs(harness, 7)
    await harness.http.get(f"{harness.bot_url}/readyz")
    for person in (harness.ada, harness.grace):
        await harness.connect(person, ACME_OPERATIONS)
    await harness.ada.command("/emporix jobs since:monday")
    await harness.ada.command("/emporix jobs size:2")
    await harness.ada.click("Next")
    await harness.ada.click("Open")
    await harness.ada.click("Delete")
    await harness.ada.submit({})
    await harness.ada.dismiss()
    for label in ("Share in channel", "Share"):
        await harness.ada.click(label)
    await harness.grace.click("Delete", action_id="jobs.delete_in_channel.confirm")
    await harness.ada.command("/emporix audit")
    await clean_up(harness)
    await harness.ada.open_home()
    await harness.ada.command("/emporix use acme")
    harness.emporix_state.expire_tokens()
    await harness.ada.command("/emporix jobs")
    await use_a_refused_key(harness)
    await harness.ada.command("/emporix disconnect")
    await harness.ada.click("Disconnect")


async def use_a_refused_key(harness: AppHarness) -> None:
    """Set up an alert and a watch, and revoke their API key."""
    ada = harness.person("ada", "ops")
    harness.emporix_state.add_job("acme", id="running", status="in_progress")
    await ada.command("/emporix alerts on")
    await ada.command("/emporix jobs watch running")
    harness.emporix_state.revoke(ACME_OPERATIONS)
    await harness.worker.work_until(harness.clock() + 60, step=10.0)


async def clean_up(harness: AppHarness) -> None:
    """Confirm, stop and resume a clean-up, and wait for its end."""
    asked = await harness.ada.command("/emporix jobs clean agent-type:complaint")
    number = {"The number of jobs": asked.payloads[0]["text"].split()[1]}
    await harness.ada.click("Delete…")
    await harness.ada.submit(number)
    direct = harness.person("ada", "dm")
    harness.emporix_state.faults.add(Fault("rate_limit", times=5, method="DELETE", retry_after=60))
    await harness.worker.work()
    await direct.click("Stop")
    harness.clock.forward(11)
    await harness.worker.work()
    await direct.click("Continue")
    await direct.submit(number)
    harness.clock.forward(1)
    await harness.worker.work()
    assert "· took" in (await direct.messages())[-1]["text"]


async def use_the_clock(slack_url: str) -> None:
    """Use the scheduled features: a watch, an alert and a digest."""
    async with httpx.AsyncClient(timeout=SECONDS) as http:
        ada = Person(http, slack_url, "ada", "ops")
        await ada.command("/emporix running size:2")
        await ada.click("Open")
        await ada.click("Watch")
        await ada.dismiss()
        await ada.command("/emporix alerts on")
        await ada.command("/emporix digest")
        await ada.submit({})
        await ada.command("/emporix digest now")
        async with asyncio.timeout(SECONDS):
            while not await has_arrived(ada):  # noqa: ASYNC110 - another process posts it
                await asyncio.sleep(0.1)
        for words in ("list", "pause", "resume", "delete"):
            await ada.command(f"/emporix digest {words}")
        await ada.click("Delete")
        await ada.command("/emporix alerts off")
        await ada.command("/emporix jobs watch")
        await ada.click("Stop watching")


async def has_arrived(person: Person) -> bool:
    """Return whether the digest is in the channel."""
    seen = [message["text"] for message in await person.messages() if not message["ephemeral"]]
    return any(" jobs failed" in text and " of " in text for text in seen)


@pytest.fixture
async def toured(
    redis: Any,
    restricted_url: str,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> set[str]:
    """Return the commands that both processes have used as the guide's user."""
    await redis.config_resetstat()
    await redis.script_flush()
    async with open_app(redis, restricted_url, clock) as harness:
        await do_everything(harness)
        last = [message["text"] for message in await harness.ada.messages()][-1]
    assert last.startswith("Disconnected from")
    await redis.delete(redis_keys.canary())  # the next processes have their own encryption keys
    monkeypatch.setenv("REDIS_URL", restricted_url)
    async with running_stack(tmp_path) as stack:
        await use_the_clock(stack.slack_url)
    used = {name.removeprefix("cmdstat_") for name in await redis.info("commandstats")}
    return {name.partition("|")[0] for name in used}


async def test_the_guide_allows_exactly_what_the_app_needs(redis: Any, toured: set[str]) -> None:
    """Everything works for the guide's user, and every allowed command is needed."""
    assert await refused(redis) <= {ONLY_A_NAME}
    assert allowed() - FOR_SOME <= toured


def named_in(source: str) -> set[str]:
    """Return possible commands in a module: those of Lua scripts, and the client's method names."""
    lua = re.findall(r"redis\.call\(\s*'(\w+)'", source)
    methods = re.findall(r"\b(?:_?redis|pipe)\.(\w+)\(", source)
    return {{"delete": "del"}.get(name.lower(), name.lower()) for name in [*lua, *methods]}


async def test_the_guide_allows_each_command_of_the_source(redis: Any) -> None:
    """The guide also allows commands of the source that the tour doesn't use."""
    sources = [path.read_text(encoding="utf-8") for path in modules("bot/store")]
    named = set().union(*map(named_in, sources)) & {name.lower() for name in await redis.command()}
    assert {"hincrby", "zadd", "del"} <= named
    assert named - allowed() == set()


async def test_the_guide_is_enough_for_rotation(redis: Any, restricted_url: str) -> None:
    """`emporix-bot keys rotate` works for the guide's user."""
    told: list[str] = []
    status = await rotate(settings(restricted_url), told.append)
    assert (status, await refused(redis) - {ONLY_A_NAME}) == (0, set())


async def test_the_guide_is_enough_for_forgetting(redis: Any, restricted_url: str) -> None:
    """`emporix-bot forget`, which rewrites the audit log, works for the guide's user."""
    await AuditLog(redis).record_delete(ADA, "acme", "job-1", "deleted")
    await redis.set(redis_keys.time_zone(ADA), "UTC")
    told: list[str] = []
    subject = ErasureSubject(ADA.team_id, ADA.user_id)
    status = await forget_subject(settings(restricted_url), subject, told.append, lambda _: True)
    assert (status, await refused(redis) - {ONLY_A_NAME}) == (0, set())


async def test_doctor_names_a_missing_permission(redis: Any, restricted_url: str) -> None:
    """Doctor names the command that its user may not run."""
    await redis.execute_command("ACL", "SETUSER", USER, "-info")
    nowhere = "http://127.0.0.1:1"
    elsewhere = {"slack_api_url": nowhere, "emporix_api_url": nowhere}
    found = await run_checks(settings(restricted_url, **elsewhere))
    (finding,) = (one for one in found if one.subject == "redis")
    assert not finding.ok
    assert "its user may not run INFO" in finding.message


async def test_other_keys_are_out_of_reach(redis: Any, restricted_url: str) -> None:
    """The app can't read the keys of other programs in the same database."""
    client = connect(restricted_url)
    with pytest.raises(NoPermissionError):
        await client.get("of-another-program")
    await client.aclose()
