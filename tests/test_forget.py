"""emporix-bot forget: deletes all data of a user or workspace, and none of others."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.cli import main
from bot.domain.accounts import Caller, PolledConnection
from bot.domain.audit import AuditEvent
from bot.scheduler.saq_worker import SaqQueue
from bot.store import keys as redis_keys
from bot.store.audit import AuditLog
from bot.store.connection import connect_for_queue
from bot.store.encryption import Cipher, build_aad, new_key, parse_keys
from bot.store.erasure import ENCRYPTED_TEXT
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import ADA, GRACE, TEAM_ID
from tests.harness.app import AppHarness, open_app, patient
from tests.harness.clock import FakeClock
from tests.harness.documents import table, text
from tests.harness.runs import add_failed, ask, confirm
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs

GUIDE = "docs/operator-guide.md"
KEY = new_key()
ADAS, GRACES = Caller(TEAM_ID, ADA.id), Caller(TEAM_ID, GRACE.id)

REASON = "Wrong prices, says my sister"

# Locks and limits that hold nothing of a person, and go by themselves; and the copy of a log.
NOT_TOURED = {
    "abort",
    "audience",
    "audience-reads",
    "audit:copy",
    "charts:refused",
    "cleanup:<id>:lease",
    "lease",
    "lock",
    "probe",
    "rate-limit",
    "teams:stopped",
    "token-lock",
    "workers",
}

Contents = dict[tuple[str, str], str]
"""All texts in Redis by key and field, decrypted; the members of a set are fields."""


@pytest.fixture
async def harness(
    redis: Any,
    redis_url: str,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> AsyncIterator[AppHarness]:
    """Ada and Grace have used every feature, with an operator's settings."""
    monkeypatch.chdir(tmp_path)  # no .env of the person who runs this
    settings = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "0" * 32}
    for name, value in {
        **settings,
        "REDIS_URL": patient(redis_url),
        "ENCRYPTION_KEYS": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    async with open_app(redis, redis_url, clock, encryption_keys=KEY) as opened:
        await tour(opened)
        await queue_tasks(opened, redis_url)
        await let_nothing_expire(redis)
        yield opened


async def tour(harness: AppHarness) -> None:
    """One of everything that is stored, of both; each also acts on what the other has shared."""
    add_jobs(harness, 9)
    harness.emporix_state.add_job(
        "acme", id="running", status="in_progress", message="Still at it."
    )
    for person, channel in (("ada", "ops"), ("grace", "general")):
        here = harness.person(person, channel)
        await harness.connect(here, ACME_OPERATIONS, with_actions=True)
        await here.command("/emporix jobs since:monday size:2")
        await here.click("Filter")
        await here.command("/emporix jobs size:2")
        await here.click("Share in channel")
        await here.click("Share")
        await here.open_home()
        await here.command("/emporix alerts on")
        await set_up(here, name=f"Jobs of {person}")
        await here.command("/emporix digest now")
        await here.command("/emporix jobs watch running")
    await harness.grace.click("Delete", action_id="jobs.delete_in_channel.confirm")
    await harness.person("ada", "general").click(
        "Delete", action_id="jobs.delete_in_channel.confirm"
    )
    harness.clock.forward(60)
    harness.emporix_state.add_job("acme", id="new", status="failure", message="No such order.")
    await harness.worker.work()
    harness.emporix_state.add_agent("acme", id="a1", name="Help")
    await harness.ada.command("/emporix agents")
    await harness.ada.click("Pause…")
    await harness.ada.submit({"Reason": REASON})
    harness.emporix_state.add_agent("acme", id="complaint-agent")
    general = harness.person("ada", "general")
    await general.click("Pause complaint-agent…")
    await general.submit({"Reason": REASON})
    clean_id = await clean_up(harness)
    await harness.redis.hset(redis_keys.cleanup_results(clean_id), "job-1", "deleted")
    for channel in ("ops", "general"):
        await harness.person("ada", channel).click("I'm on it")
    for person, job in (("ada", "again-1"), ("grace", "again-2")):
        add_failed(harness, id=job)
        await ask(harness.person(person), job)
        await confirm(harness.person(person))
    for caller in (ADAS, GRACES):
        for due, strikes in (
            (redis_keys.alerts_due(), redis_keys.alerts_failures()),
            (redis_keys.watches_due(), redis_keys.watches_failures()),
        ):
            await harness.redis.hset(strikes, PolledConnection(caller, "acme").name, 1)
            assert await harness.redis.zscore(due, PolledConnection(caller, "acme").name)


async def clean_up(harness: AppHarness) -> str:
    """Start a clean-up of Ada's; returns its id."""
    asked = await harness.ada.command("/emporix jobs clean agent-type:complaint")
    await harness.ada.click("Delete…")
    await harness.ada.submit({"The number of jobs": asked.payloads[0]["text"].split()[1]})
    harness.emporix_state.faults.add(Fault("rate_limit", times=50, method="DELETE", retry_after=60))
    harness.clock.forward(1)
    await harness.worker.work()
    return str(await harness.redis.get(redis_keys.active_cleanup(ADAS, "acme")))


async def queue_tasks(harness: AppHarness, redis_url: str) -> None:
    """Queue tasks as a worker finds them."""
    queue = SaqQueue(connect_for_queue(redis_url))
    for caller in (ADAS, GRACES):
        source = PolledConnection(caller, "acme").name
        await queue.put("alerts.poll", source, source=source)
    for digest_id in ("digest-1", "digest-2"):
        await queue.put("digests.post", digest_id, digest_id=digest_id)
    await queue.disconnect()


async def let_nothing_expire(redis: Any) -> None:
    """On a busy machine, keys that live for seconds would disappear during a test."""
    async for key in redis.scan_iter("*"):
        await redis.persist(key)


async def contents(redis: Any, encryption_key: str = KEY) -> Contents:
    cipher, found = Cipher(parse_keys(encryption_key)), Contents()
    async for key in redis.scan_iter("*"):
        match await redis.type(key):
            case "string":
                found[key, ""] = await redis.get(key)
            case "hash":
                found |= {(key, name): text for name, text in (await redis.hgetall(key)).items()}
            case "set":
                found |= {(key, member): "" for member in await redis.smembers(key)}
            case "zset":
                found |= {(key, member): "" for member in await redis.zrange(key, 0, -1)}
            case "list":
                found |= {(key, member): "" for member in await redis.lrange(key, 0, -1)}
            case "stream":
                entries = await redis.xrange(key)
                found |= {(key, entry): repr(facts) for entry, facts in entries}
    return {
        (key, name): cipher.decrypt(text, build_aad(key, name))
        if ENCRYPTED_TEXT.fullmatch(text)
        else text
        for (key, name), text in found.items()
    }


def naming(found: Contents, term: str) -> list[tuple[str, str]]:
    """Where a text occurs in Redis: in a key, a field, a member or a value."""
    return [(*where,) for where, value in found.items() if term in f"{where} {value}"]


async def run(command: str) -> int:
    return await asyncio.to_thread(main, shlex.split(command)[1:])


def commands_of_the_guide() -> dict[str, str]:
    """The commands in the operator guide, by the title of their section."""
    found = re.findall(r"^    (emporix-bot forget .*)$", text(GUIDE), re.MULTILINE)
    user, team = sorted(found, key=len, reverse=True)
    assert "--user" in user
    return {"user": user, "team": team}


async def test_the_tour_has_one_of_everything(harness: AppHarness) -> None:
    """The tour creates every documented kind of key, except short-lived locks."""
    keys = {key for key, _ in await contents(harness.redis)}
    missing = set()
    for shown, *_ in table("docs/redis-keys.md", "key"):
        for name in re.findall(r"`([^`]+)`", shown):
            pattern = re.sub(r"\\?<[^>]+>|…", ".*", re.escape(name).replace("…", ".*"))
            if not any(re.fullmatch(pattern, key) for key in keys):
                missing.add(name)
    assert {name for name in missing if not any(f":{part}" in name for part in NOT_TOURED)} == set()


async def test_deletes_everything_of_a_user(harness: AppHarness) -> None:
    """After the documented command, nothing in Redis names the user, even encrypted."""
    before = await contents(harness.redis)
    assert naming(before, ADA.id)
    hers = [value for (key, name), value in before.items() if name == "record" and ADA.id in value]
    command = commands_of_the_guide()["user"]
    assert f"--team {TEAM_ID} --user {ADA.id}" in command
    assert await run(f"{command} --yes") == 0
    after = await contents(harness.redis)
    assert naming(after, ADA.id) == []
    assert naming(after, "digest-1") == []
    assert len(hers) >= 2
    assert not any(value in after.values() for value in hers)
    assert len(naming(before, REASON)) == 3
    assert naming(after, REASON) == []


async def test_a_forgotten_users_pauses_end(harness: AppHarness) -> None:
    """The pauses of a forgotten user are kept, and another user hears that the agents stay off."""
    assert await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id} --yes") == 0
    harness.clock.forward(2 * 60 * 60)
    await harness.worker.work()
    texts = [one["text"] for one in await harness.person("grace", "dm").messages()]
    assert len([text for text in texts if "is still off" in text]) == 2
    await harness.person("grace", "dm").click("Resume now")
    agents = harness.emporix_state.tenant("acme").agents
    off = [one for one in ("a1", "complaint-agent") if not (agents.get(one) or {}).get("enabled")]
    assert len(off) == 1


async def test_nothing_of_others_goes(harness: AppHarness) -> None:
    """Grace's data is kept; where it named Ada, only the name is removed."""
    before = await contents(harness.redis)
    assert await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id} --yes") == 0
    after = await contents(harness.redis)
    graces = {where: value for where, value in before.items() if GRACE.id in f"{where} {value}"}
    assert len(graces) > 20
    for where, value in graces.items():
        if ADA.id not in f"{where} {value}":
            assert after[where] == value
    exchange = await harness.person("grace", "general").command("/emporix digest list")
    assert "Jobs of grace" in str(exchange.payloads)


async def test_the_audit_log_keeps_a_pseudonym(harness: AppHarness) -> None:
    """The entries keep their ids, and a pseudonym replaces the user in all of them."""
    stream = redis_keys.audit(ADAS)
    owners = f"{ADA.id},U0OTHER"
    await AuditLog(harness.redis).try_record(AuditEvent.ALERT_OFF, GRACES, owner_id=owners)
    before = await harness.redis.xrange(stream)
    await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id} --yes")
    after = await harness.redis.xrange(stream)
    name = Cipher(parse_keys(KEY)).pseudonym(f"{TEAM_ID}:{ADA.id}")
    assert {facts["user_id"] for _, facts in before} == {ADA.id, GRACE.id}
    assert after == [
        (entry, {field: value.replace(ADA.id, name) for field, value in facts.items()})
        for entry, facts in before
    ]
    assert await harness.redis.ttl(stream) == -1
    exchange = await harness.grace.command("/emporix audit")
    assert ADA.id not in str(exchange.payloads)


async def test_deletes_everything_of_a_workspace(harness: AppHarness) -> None:
    """After the documented command, nothing of the workspace is left, including the audit log."""
    command = commands_of_the_guide()["team"]
    assert f"--team {TEAM_ID}" in command
    assert await run(f"{command} --yes") == 0
    after = await contents(harness.redis)
    for term in (TEAM_ID, ADA.id, GRACE.id, "digest-1", "digest-2"):
        assert naming(after, term) == []
    await harness.connect(harness.ada, ACME_OPERATIONS)
    await harness.ada.command("/emporix jobs")


@pytest.mark.parametrize(
    ("typed", "deletes"), [("n", False), ("", False), ("yes", True), (None, False)]
)
async def test_asks_before_deleting(
    harness: AppHarness,
    typed: str | None,
    deletes: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is deleted without an explicit yes, or if there is no terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("" if typed is None else f"{typed}\n"))
    before = await contents(harness.redis)
    status = await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id}")
    printed = capsys.readouterr().out
    assert f"delete     {redis_keys.account(ADAS)}" in printed
    assert status == (0 if deletes else 1)
    assert (await contents(harness.redis) == before) is not deletes
    assert ("Nothing was deleted." in printed) is not deletes


async def test_says_if_an_id_is_unknown(
    harness: AppHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped id is not reported as a user whose data was deleted."""
    assert await run(f"emporix-bot forget --team {TEAM_ID} --user U0NOBODY --yes") == 0
    printed = capsys.readouterr().out
    assert printed == "Nothing refers to user U0NOBODY: it has no data here, or the id is wrong.\n"


async def test_reports_undecryptable_records(
    harness: AppHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unreadable records are reported, with the advice to add the missing key."""
    other = Cipher(parse_keys(new_key()))
    key = redis_keys.alert("lost")
    encrypted = other.encrypt("{}", build_aad(key, "record"))
    await harness.redis.hset(key, mapping={"version": 1, "record": encrypted})
    assert await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id} --yes") == 1
    assert "can't be decrypted with ENCRYPTION_KEYS" in capsys.readouterr().out


async def test_deletes_nothing_with_the_wrong_keys(
    harness: AppHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the wrong keys, nothing is deleted, because part of the data would remain."""
    monkeypatch.setenv("ENCRYPTION_KEYS", new_key())
    before = await contents(harness.redis)
    assert await run(f"emporix-bot forget --team {TEAM_ID} --user {ADA.id} --yes") == 2
    assert "ENCRYPTION_KEYS can't decrypt the data in this Redis" in capsys.readouterr().out
    assert await contents(harness.redis) == before


@pytest.mark.parametrize("arguments", ["", "--team acme", "--team T0ACME --user *", "--user U0ADA"])
def test_refuses_an_invalid_id(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped id deletes nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["forget", *arguments.split()])
    assert ended.value.code == 2
    assert "--team" in capsys.readouterr().err
