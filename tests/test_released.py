"""Each released version and the current code read each other's data, in Slack and in Redis."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import MISSING, asdict, fields, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot import __version__
from bot.cli import main
from bot.doctor import run_checks
from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.conditions import UNREADABLE, Condition, Progress, Watermark
from bot.domain.filters import Filters
from bot.key_rotation import KeyRotation
from bot.rendering.buttons import BUTTON_STATES, ListButton, decode
from bot.scheduler.saq_worker import SaqQueue
from bot.services.filters.parser import from_compact
from bot.settings import Settings
from bot.slack.posting.post_once import has_block_marker, has_metadata_marker
from bot.store.alerts import ALERT_SERIALIZER
from bot.store.connection import connect_for_queue
from bot.store.encryption import (
    Cipher,
    DecryptionError,
    build_aad,
    may_hold_encrypted,
    new_key,
    parse_keys,
)
from bot.store.erasure import ENCRYPTED_TEXT
from bot.store.health import Heartbeats
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.times import iso
from sandbox.server import serving
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness, open_app, patient
from tests.harness.clock import FakeClock
from tests.harness.source_code import PROJECT
from tests.listeners.jobs.fixtures import add_jobs
from tests.released import formats
from tests.released.redis_copy import TEST_KEY, add_running_job, copy, restore, used_redis
from tests.released.write import FOLDER, write
from tests.released.write import main as freeze
from tests.rendering.test_buttons import states
from tests.store.test_serialization import records
from tests.test_forget import contents, naming

VERSIONS = sorted(path.parent.name for path in FOLDER.glob("*/redis.json"))
each_version = pytest.mark.parametrize("version", VERSIONS)
EXACT = {"tasks", "states"}
"""Kinds of identifiers of which nothing can be added to an existing one."""


@cache
def released(version: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))
    return found


def contains(new: Any, old: Any) -> bool:
    """Whether JSON has everything of older JSON, and at most more fields."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and contains(new[name], old[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(new) == len(old) and all(map(contains, new, old))
    return bool(new == old) and isinstance(new, bool) is isinstance(old, bool)


def of_type(version: str) -> Iterator[Any]:
    """The released types of records, each with its current serializer."""
    for name, one in released(version, "records").items():
        yield pytest.param(version, name, one, id=f"{version} {name}")


each_record = pytest.mark.parametrize(
    ("version", "name", "old"), [one for version in VERSIONS for one in of_type(version)]
)
each_state = pytest.mark.parametrize(
    ("kind", "old"),
    [
        pytest.param(kind, old, id=f"{version} {kind}")
        for version in VERSIONS
        for kind, old in released(version, "buttons").items()
    ],
)
STATES = {state.kind: state for state in BUTTON_STATES}


def test_a_release_has_its_formats() -> None:
    """The formats of a version are stored before it is released."""
    assert "dev" in __version__ or __version__ in VERSIONS


@pytest.mark.parametrize("version", ["", "99.0.0", *VERSIONS])
def test_formats_are_stored_only_before_the_release(version: str) -> None:
    """`make freeze` stores nothing for another version, or for one that is stored already."""
    before = {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*.json")}
    refusal = freeze(version.split())
    assert (version or "missing") in refusal
    assert {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("version", "kind"),
    [(version, kind) for version in VERSIONS for kind in released(version, "identifiers")],
)
def test_keeps_identifiers(version: str, kind: str) -> None:
    """Nothing that Slack or Redis keep by name was removed, renamed or given another meaning."""
    old, new = released(version, "identifiers")[kind], formats.identifiers()[kind]
    assert old.keys() - new.keys() == set()
    changed = {name: new[name] for name in old if not contains(new[name], old[name])}
    assert changed == {}
    if kind in EXACT:
        assert {name: new[name] for name in old} == old


@each_version
def test_reads_released_queries(version: str) -> None:
    """A list is read from the query in the button of a released version."""
    for query, old in released(version, "identifiers")["queries"].items():
        filters, searched = from_compact(query)
        assert searched
        assert contains(formats.meaning(Filters, filters), old)


@each_version
def test_finds_released_posts(version: str) -> None:
    """A message that was posted by a released version isn't posted again after a timeout."""
    markers = released(version, "identifiers")["post markers"]
    assert has_metadata_marker(markers, "digest:1")
    assert has_block_marker(markers, "digest:1")


@each_state
def test_reads_released_states(kind: str, old: dict[str, Any]) -> None:
    """The state of a released button or modal is decoded with all its facts."""
    for one in old["values"]:
        assert contains(asdict(decode(one["value"], STATES[kind])), one["facts"])


@each_state
@settings(max_examples=50, phases=[Phase.generate])
@given(data=st.data())
def test_released_versions_read_states(kind: str, old: dict[str, Any], data: st.DataObject) -> None:
    """A released version decodes current buttons: each of its fields has its type and default."""
    state = data.draw(states(STATES[kind]))
    version, written, facts = json.loads(state.value)
    assert (version, written) == ("1", kind)
    types = {"str": str, "int": int, "bool": bool}
    for name, (type_, *default) in old["fields"].items():
        assert name in facts or default, name
        read = facts[name] if name in facts else default[0]
        assert type(read) is types[type_]
        assert read == getattr(state, name)
    added = {one.name for one in fields(state) if one.default is MISSING} - old["fields"].keys()
    assert added == set()


@each_record
def test_reads_released_records(version: str, name: str, old: dict[str, Any]) -> None:
    """Records of a released version are read with the same meaning, and keep all fields."""
    serializer = formats.serializers()[name]
    for one in old["examples"]:
        key = {field: one["all"][field] for field in old["key_fields"]}
        read = serializer.read(json.dumps(one["written"]), **key)
        assert contains(formats.meaning(serializer.type, read)["all"], one["all"])
        assert contains(json.loads(serializer.write(read)), one["written"])
        assert formats.unknown_fields(read) == set()


@each_record
@settings(max_examples=60, phases=[Phase.generate])
@given(data=st.data())
def test_released_versions_read_records(
    version: str, name: str, old: dict[str, Any], data: st.DataObject
) -> None:
    """A released version can read all current records."""
    serializer = formats.serializers()[name]
    example = formats.example_of(serializer, data.draw(records(serializer)))
    key = {field: example["all"][field] for field in old["key_fields"]}
    written = example["written"]
    Draft202012Validator(old["schema"]).validate({**written, **key} if key else written)


def encrypted(keys: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The encrypted texts of a copy of Redis, each with its location."""
    for key, one in keys.items():
        texts = one["value"] if one["type"] == "hash" else {"": one["value"]}
        for field, value in texts.items():
            if isinstance(value, str) and ENCRYPTED_TEXT.fullmatch(value):
                yield value, build_aad(key, field)


@each_version
def test_decrypts_released_texts(version: str) -> None:
    """Texts that a released version has encrypted are decrypted, in their location only."""
    copy = released(version, "redis")
    texts = list(encrypted(copy["keys"]))
    assert len(texts) > 15
    cipher = Cipher(parse_keys(f"{new_key()},{TEST_KEY}"))
    for text, where in texts:
        assert cipher.decrypt(text, where)
        with pytest.raises(DecryptionError):
            cipher.decrypt(text, f"{where}2")
    assert Cipher(parse_keys(TEST_KEY)).pseudonym("T0ACME:U0ADA") == copy["pseudonym"]


def test_released_versions_decrypt_texts() -> None:
    """Encrypted texts have the format of 0.2.0, the first version."""
    text = Cipher(parse_keys(TEST_KEY)).encrypt("a secret", "a:key/a field")
    version, key_id, data = text.split(".")
    nonce, encoded = base64.urlsafe_b64decode(data)[:12], base64.urlsafe_b64decode(data)[12:]
    assert (version, key_id) == ("1", "630dcd29")
    secret = AESGCM(base64.urlsafe_b64decode(TEST_KEY))
    assert secret.decrypt(nonce, encoded, b"a:key/a field") == b"a secret"


@pytest.fixture(params=VERSIONS)
async def upgraded(
    request: pytest.FixtureRequest,
    redis: Any,
    redis_url: str,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[AppHarness]:
    """The current app with the Redis of a released version."""
    monkeypatch.chdir(tmp_path)  # no .env of the person who runs this
    copy = released(request.param, "redis")
    await restore(redis, copy["keys"])
    async with open_app(redis, redis_url, clock, encryption_keys=TEST_KEY) as harness:
        environment = {
            "SLACK_BOT_TOKEN": harness.workspace.bot_token,
            "SLACK_SIGNING_SECRET": harness.workspace.signing_secret,
            "SLACK_API_URL": f"{harness.slack_url}/api/",
            "REDIS_URL": patient(redis_url),
            "ENCRYPTION_KEYS": TEST_KEY,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        add_jobs(harness, 9)
        clock.forward(copy["clock"])
        add_running_job(harness)
        yield harness


async def test_the_doctor_accepts_released_data(
    upgraded: AppHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`emporix-bot doctor` finds no problem after an upgrade."""
    await Heartbeats(upgraded.redis).record("one", time.time())
    async with serving(create_emporix(upgraded.emporix_state)) as emporix:
        monkeypatch.setenv("EMPORIX_API_URL", emporix)
        found = await run_checks(Settings.model_validate({}))
    assert [str(one) for one in found if not one.ok] == []
    assert {one.subject for one in found} >= {"redis", "accounts", "worker"}


async def test_shows_released_data(upgraded: AppHarness) -> None:
    """Digests, alerts, watched jobs, connections and the audit log are there after an upgrade."""
    ada = upgraded.person("ada", "ops")
    for line, expected in (
        ("digest list", "Jobs of ada"),
        ("alerts", "alerts.off.one"),
        ("jobs watch", "jobs.watch.stop"),
        ("tenants", "acme"),
        ("audit", ADA.id),
    ):
        shown = await ada.command(f"/emporix {line}")
        assert expected in str(shown.payloads), line
    assert "Jobs of ada" in str((await ada.open_home()).home)


async def test_turns_pages_of_released_lists(upgraded: AppHarness) -> None:
    """A button under a list shows its next page after an upgrade."""
    ada, value = upgraded.person("ada", "ops"), ListButton("cursor-3", page=2).value
    text = {"type": "plain_text", "text": "Next"}
    button = {"type": "button", "text": text, "action_id": "jobs.list.next", "value": value}
    await upgraded.http.post(
        f"{upgraded.slack_url}/api/chat.postMessage",
        headers={"Authorization": f"Bearer {upgraded.workspace.bot_token}"},
        json={
            "channel": "C0OPS",
            "text": "Jobs",
            "blocks": [{"type": "actions", "elements": [button]}],
        },
    )
    page = await ada.click("Next")
    assert "3–4" in str(page.payloads)


async def test_continues_released_work(upgraded: AppHarness) -> None:
    """A clean-up, alerts, watched jobs and digests continue after an upgrade."""
    end = upgraded.clock() + 24 * 3600
    await upgraded.worker.work_until(upgraded.clock() + 120, step=5)
    times = {"version": 1, "createdAt": iso(upgraded.clock()), "modifiedAt": iso(upgraded.clock())}
    upgraded.emporix_state.add_job(
        "acme", id="bad", status="failure", message="Broken.", metadata=times
    )
    add_running_job(upgraded, "failure")
    await upgraded.worker.work_until(upgraded.clock() + 120, step=5)
    await upgraded.worker.work_until(end, step=900)
    posted = str(await upgraded.person("ada", "ops").messages())
    assert "Broken." in posted
    assert "Jobs of ada" in posted
    assert "Jobs of grace" in str(await upgraded.person("ada", "general").messages())
    assert "No order." in str(await upgraded.person("ada", "dm").messages())
    assert await upgraded.redis.keys("*:cleanups:active:*") == []
    assert await upgraded.redis.keys("*:watches:*:T0ACME:*") == []


async def test_takes_released_tasks(upgraded: AppHarness, redis_url: str) -> None:
    """Tasks that were queued before an upgrade run after it."""
    queue = SaqQueue(connect_for_queue(redis_url))
    taken = [await queue.dequeue(timeout=5) for _ in range(4)]
    await queue.disconnect()
    kwargs = [job.kwargs for job in taken if job and job.kwargs]
    assert sorted(one["task"] for one in kwargs) == [*["alerts.poll"] * 2, *["digests.post"] * 2]
    for one in kwargs:
        await upgraded.worker.queue.put(one["task"], "key", **one["arguments"])
    await upgraded.worker.work()
    assert not any(one.failures for one in upgraded.worker.waiting)


async def test_rotates_released_keys(upgraded: AppHarness) -> None:
    """After `keys rotate`, everything that a released version has stored needs only the new key."""
    keys = parse_keys(f"{new_key()},{TEST_KEY}")
    tally = [one async for one in KeyRotation(upgraded.redis, Cipher(keys)).run()][-1]
    assert (tally.accounts, tally.is_complete) == (2, True)
    assert tally.reencrypted >= 10
    for key, one in (await copy(upgraded.redis)).items():
        for text, where in encrypted({key: one}) if may_hold_encrypted(key) else ():
            assert Cipher(keys[:1]).decrypt(text, where)


async def test_forgets_released_users(upgraded: AppHarness) -> None:
    """`forget` deletes all data of a user that a released version has stored."""
    assert naming(await contents(upgraded.redis, TEST_KEY), ADA.id)
    command = ["forget", "--team", TEAM_ID, "--user", ADA.id, "--yes"]
    assert await asyncio.to_thread(main, command) == 0
    assert naming(await contents(upgraded.redis, TEST_KEY), ADA.id) == []


def shapes(keys: dict[str, Any]) -> set[str]:
    """The keys of a copy with their types and fields, without ids and times."""
    names = set()
    for key, one in keys.items():
        match one["type"]:
            case "hash":
                found = [*one["value"]]
            case "stream":
                found = [*chain.from_iterable(one["value"].values())]
            case _:
                found = [""]
        names |= {f"{one['type']} {key} {field}" for field in found}
    return {re.sub(r"[0-9a-f]{8,}|\d+", "#", name) for name in names}


@each_version
async def test_stores_data_where_released_versions_read_it(version: str) -> None:
    """The same use of the app creates the same keys, fields and names of messages."""
    new = await used_redis()
    assert shapes(released(version, "redis")["keys"]) - shapes(new["keys"]) == set()


def known_states(states: dict[str, Any], version: str) -> dict[str, Any]:
    """The current states that a released version has, with the facts that it reads.

    It answers a click with a newer state like any outdated button, and ignores new facts.
    """
    known = released(version, "buttons")
    return {
        kind: {
            "fields": state["fields"],
            "values": [
                {**one, "facts": {name: one["facts"][name] for name in known[kind]["fields"]}}
                for one in state["values"]
            ],
        }
        for kind, state in states.items()
        if kind in known
    }


def released_code(version: str, folder: Path) -> Path:
    """The code of a released version; skips the test if the clone doesn't have its tag."""
    tag, archive = os.environ.get("RELEASE", f"v{version}"), folder / "code.tar"
    done = subprocess.run(["git", "archive", "--output", archive, tag], cwd=PROJECT, check=False)
    if done.returncode:
        pytest.skip(f"this clone has no tag {tag}")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "code", filter="data")
    return folder / "code"


POLL_OF_RELEASED_VERSION = """
import sys
from bot.domain.jobs import Job
from bot.services.alerts.poll import FetchedJobs, with_batch
from bot.store.alerts import ALERT_SERIALIZER
alert = ALERT_SERIALIZER.read(sys.argv[1])
times = ["2026-11-28T10:00:00.000Z", "2027-01-01T00:00:00.000Z"]
jobs = [Job(id=time, status="failure", modified_at=time) for time in times]
polled = with_batch(alert, FetchedJobs((*jobs,), alert.watermark.begin, True, 2), 1e10)
assert polled.batch is None, polled.batch
print(ALERT_SERIALIZER.write(polled), end="")
"""


@pytest.mark.parametrize(
    "condition", [Condition(stuck=60.0), Condition(at_least=5, within=60.0), Condition(silent=1e4)]
)
@each_version
def test_released_versions_do_not_report_conditions(
    version: str, condition: Condition, tmp_path: Path
) -> None:
    """A worker that doesn't know conditions posts nothing for an alert with one, and keeps it."""
    code = released_code(version, tmp_path)
    filters, progress = Filters(tenant="acme"), Progress(Watermark(5.0), number=3)
    alert = Alert("a", Caller("T", "U"), "C", filters, 0.0, UNREADABLE, 0.0)
    alert = replace(alert, condition=condition, progress=progress)
    record = ALERT_SERIALIZER.write(alert)
    command = [sys.executable, "-c", POLL_OF_RELEASED_VERSION, record]
    env = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(command, cwd=code, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept = ALERT_SERIALIZER.read(done.stdout)
    assert (kept.condition, kept.progress, kept.mark) == (condition, progress, Watermark(5.0))


@pytest.mark.timeout(170)
@each_version
def test_released_versions_use_current_data(version: str, tmp_path: Path) -> None:
    """The code of a released version passes these tests with the current buttons and Redis."""
    code = released_code(version, tmp_path)
    for one in VERSIONS:
        shutil.rmtree(code / "tests/released" / one, ignore_errors=True)
    write(code / "tests/released/0.current", records=False)
    known = code / "tests/released/0.current/buttons.json"
    known.write_text(json.dumps(known_states(json.loads(known.read_text()), version)))
    chosen = "([0.current] or released_states) and not stores_data"
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-k", chosen, "tests/test_released.py"],
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout
