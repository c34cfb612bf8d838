"""emporix-bot doctor: problems are reported with a fix, and without secrets."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from redis import Redis

from bot.cli import main
from bot.doctor import SCOPES, clock_problem, seconds_ahead_of_slack
from bot.domain.accounts import Caller
from bot.settings import Settings
from bot.store import keys as redis_keys
from bot.store.encryption import Cipher, build_aad, new_key, parse_keys
from bot.store.health import Heartbeats
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.state import EmporixState
from sandbox.server import free_port, serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.directory import APP_ID
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.messages import Messages
from sandbox.slack.workspace import Workspace
from tests.harness.clock import FakeClock
from tests.harness.source_code import PROJECT
from tests.slack.posting.test_channel_check import Gate
from tests.test_http_session import tls_server

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-doctor-bot",
    "SLACK_APP_TOKEN": f"xapp-1-{APP_ID}-1234-doctor",
    "SLACK_SIGNING_SECRET": "5a2d0b0c51962e5a3d6f0c1b7e8f9a24",
    "ENCRYPTION_KEYS": new_key(),
}


@dataclass(slots=True)
class Patient:
    """Everything the app needs, well; `told` is what doctor prints, `status` how it ends."""

    emporix_state: EmporixState
    workspace: Workspace
    settings: dict[str, str]
    self_signed: int
    told: str = ""
    status: int = -1


@pytest.fixture
async def patient(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[Patient]:
    emporix_state = EmporixState(clock)
    workspace = Workspace(clock, bot_token=SECRETS["SLACK_BOT_TOKEN"])
    async with AsyncExitStack() as parts:
        emporix = await parts.enter_async_context(serving(create_emporix(emporix_state)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        addresses = {
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": redis_url,
        }
        cut = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ssl=tls())
        port = int(cut.sockets[0].getsockname()[1])
        workspace.socket_mode.app_token = SECRETS["SLACK_APP_TOKEN"]
        settings = SECRETS | addresses
        del settings["SLACK_APP_TOKEN"]
        yield Patient(emporix_state, workspace, settings, port)
        cut.close()
        await redis.replicaof("NO", "ONE")
        await redis.config_set("maxmemory", 0)
        await redis.config_set("maxmemory-policy", "noeviction")


def server(patient: Patient) -> Any:
    """A synchronous Redis client."""
    return Redis.from_url(patient.settings["REDIS_URL"])


def tls() -> ssl.SSLContext:
    """A server with a certificate that isn't trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    valid = made.not_valid_before(today).not_valid_after(today + timedelta(days=1))
    certificate = valid.sign(key, hashes.SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.public_bytes(Encoding.PEM) + secret)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the settings of the test, without a .env file."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


async def examine(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> None:
    """Run the command in a thread, because it has its own event loop."""
    for name, value in patient.settings.items():
        monkeypatch.setenv(name, value)
    patient.status = await asyncio.to_thread(main, ["doctor", *arguments])
    written = capsys.readouterr()
    patient.told = written.out
    assert [secret for secret in SECRETS.values() if secret in written.out + written.err] == []


def redis_gone(patient: Patient) -> None:
    patient.settings["REDIS_URL"] = f"redis://user:password@127.0.0.1:{free_port()}/0"


async def test_finds_accounts_of_another_enterprise(
    patient: Patient,
    redis: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Accounts of another enterprise, which no user can reach any more, are reported."""
    await redis.hset(redis_keys.account(Caller("T0ACME", "U0ADA")), "default", "acme")
    await examine(patient, monkeypatch, capsys)
    assert "ok    accounts  1" in patient.told
    await redis.hset(redis_keys.account(Caller("T0ACME", "U0GRACE", "E0GRID")), "default", "acme")
    await examine(patient, monkeypatch, capsys)
    assert patient.status == 1
    assert (
        "FAIL  accounts  1 of another workspace or enterprise, such as E0GRID:T0ACME:U0GRACE"
        in (patient.told)
    )


async def test_an_optional_scope_is_named(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the optional scope, doctor says what is missing, and still succeeds."""
    patient.workspace.bot_scopes = SCOPES
    await examine(patient, monkeypatch, capsys)
    assert "miss  slack     workspace Acme Shop" in patient.told
    assert "without usergroups:read, alerts can mention people, but no user groups" in patient.told
    assert patient.status == 0


def wrong_token(patient: Patient) -> None:
    patient.workspace.bot_token = "xoxb-another"


def scope_missing(patient: Patient) -> None:
    patient.workspace.bot_scopes = SCOPES - {"chat:write"}


def slack_gone(patient: Patient) -> None:
    patient.settings["SLACK_API_URL"] = f"http://127.0.0.1:{free_port()}/api/"


def slack_is_a_page(patient: Patient) -> None:
    patient.workspace.faults.add(SlackFault("html", times=9))


def slack_is_limited(patient: Patient) -> None:
    limit = SlackFault("rate_limit", method="auth.test", times=9, retry_after=30)
    patient.workspace.faults.add(limit)


def with_app_token(patient: Patient) -> None:
    """Use Socket Mode."""
    patient.settings["SLACK_APP_TOKEN"] = SECRETS["SLACK_APP_TOKEN"]


def app_token_wrong(patient: Patient) -> None:
    with_app_token(patient)
    patient.workspace.socket_mode.app_token = "xapp-another"


def app_scope_missing(patient: Patient) -> None:
    with_app_token(patient)
    patient.workspace.socket_mode.scopes = frozenset()


def socket_mode_limited(patient: Patient) -> None:
    with_app_token(patient)
    limit = SlackFault("rate_limit", method="apps.connections.open", times=9, retry_after=30)
    patient.workspace.faults.add(limit)


def socket_mode_refused(patient: Patient) -> None:
    with_app_token(patient)
    fault = SlackFault("refuse", method="apps.connections.open", times=9, error="access_denied")
    patient.workspace.faults.add(fault)


def socket_mode_refused_otherwise(patient: Patient) -> None:
    with_app_token(patient)
    fault = SlackFault("refuse", method="apps.connections.open", times=9, error="accesslimited")
    patient.workspace.faults.add(fault)


def app_token_of_another_app(patient: Patient) -> None:
    token = SECRETS["SLACK_APP_TOKEN"].replace(APP_ID, "A0ANOTHER")
    patient.settings["SLACK_APP_TOKEN"] = patient.workspace.socket_mode.app_token = token


def emporix_gone(patient: Patient) -> None:
    patient.settings["EMPORIX_API_URL"] = f"http://127.0.0.1:{free_port()}"


def emporix_is_a_page(patient: Patient) -> None:
    patient.emporix_state.faults.add(EmporixFault("html", times=9))


def emporix_is_another_server(patient: Patient) -> None:
    patient.settings["EMPORIX_API_URL"] += "/somewhere/else"


def emporix_has_trouble(patient: Patient) -> None:
    patient.emporix_state.faults.add(EmporixFault("status", times=9, status=503))


def redis_full(patient: Patient) -> None:
    server(patient).config_set("maxmemory", 1)


def redis_a_replica(patient: Patient) -> None:
    server(patient).replicaof("127.0.0.1", 1)


def redis_evicts(patient: Patient) -> None:
    server(patient).config_set("maxmemory-policy", "volatile-lru")


def redis_of_others(patient: Patient) -> None:
    keys = Cipher(parse_keys(new_key()))
    server(patient).set(redis_keys.canary(), keys.encrypt("theirs", build_aad(redis_keys.canary())))


def redis_self_signed(patient: Patient) -> None:
    patient.settings["REDIS_URL"] = f"rediss://127.0.0.1:{patient.self_signed}/0"


Break = Callable[[Patient], None]

BROKEN: dict[Break, tuple[str, str]] = {
    redis_full: ("redis", "OOM: give it more memory"),
    redis_a_replica: ("redis", "READONLY: REDIS_URL points to a replica"),
    redis_evicts: ("redis", "maxmemory-policy is volatile-lru: set noeviction"),
    redis_of_others: ("redis", "ENCRYPTION_KEYS can't decrypt the data in this Redis"),
    redis_self_signed: ("redis", "its certificate is not trusted: add ?ssl"),
    redis_gone: ("redis", "check REDIS_URL"),
    wrong_token: ("slack", "invalid_auth: copy SLACK_BOT_TOKEN again"),
    scope_missing: ("slack", "scopes missing: chat:write; update the app from manifest.yml"),
    slack_gone: ("slack", "check SLACK_API_URL"),
    slack_is_limited: ("slack", "ratelimited: try again in 30 s"),
    slack_is_a_page: ("slack", "check SLACK_API_URL"),
    app_token_wrong: ("socket", "invalid_auth: create an app-level token"),
    app_scope_missing: ("socket", "missing_scope: the token needs the scope connections:write"),
    socket_mode_limited: ("socket", "ratelimited: try again in 30 s"),
    socket_mode_refused: ("socket", "access_denied: create an app-level token"),
    socket_mode_refused_otherwise: (
        "socket",
        "accesslimited: look up this code at https://docs.slack",
    ),
    app_token_of_another_app: ("socket", "belong to different Slack apps: copy both from one"),
    emporix_gone: ("emporix", "check EMPORIX_API_URL"),
    emporix_is_a_page: ("emporix", "check EMPORIX_API_URL"),
    emporix_is_another_server: ("emporix", "check EMPORIX_API_URL"),
    emporix_has_trouble: ("emporix", "check EMPORIX_API_URL"),
}


@pytest.mark.usefixtures("environment")
async def test_finds_nothing_where_all_is_well(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If everything works, there is one line per check, and status 0."""
    await examine(patient, monkeypatch, capsys)
    lines = patient.told.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("settings", "redis", "slack", "emporix", "accounts", "worker")
    ]
    assert "Acme Shop" in lines[2]
    assert patient.status == 0


@pytest.mark.usefixtures("environment")
async def test_checks_the_app_level_token(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Socket Mode the app-level token is checked, without opening a connection."""
    with_app_token(patient)
    del patient.settings["SLACK_SIGNING_SECRET"]
    await examine(patient, monkeypatch, capsys)
    assert "ok    socket    SLACK_APP_TOKEN works" in patient.told
    assert patient.status == 0
    assert patient.workspace.socket_mode.connections == []


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
async def test_reports_the_broken_part(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: Break,
) -> None:
    """Only the broken part is reported, with a fix."""
    about, advice = BROKEN[broken]
    broken(patient)
    await examine(patient, monkeypatch, capsys)
    (line,) = [line for line in patient.told.splitlines() if not line.startswith("ok ")]
    assert line.split()[:2] == ["FAIL", about]
    assert advice in line
    assert patient.status == 1


@asynccontextmanager
async def redis_of(version: str) -> AsyncIterator[str]:
    """A server that says it is of this version, and gives no more than empty answers."""
    answers = {
        b"HELLO": b"%1\r\n+server\r\n+redis\r\n",
        b"INFO": b"$%d\r\nredis_version:%b\r\n" % (14 + len(version), version.encode()),
        b"ZCOUNT": b":0\r\n",
        b"ZREVRANGE": b"*0\r\n",
        b"GET": b"$-1\r\n",
        b"TIME": b"*2\r\n$10\r\n%d\r\n$1\r\n0\r\n" % time.time(),
        b"SCAN": b"*2\r\n$1\r\n0\r\n*0\r\n",
    }

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            writer.write(answers.get(words[0].upper(), b"+OK\r\n"))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("version", "well"), [("3.2.0", False), ("6.0.9", False), ("6.2.0", True), ("10.0.1", True)]
)
async def test_asks_for_redis_6_2(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
    well: bool,
) -> None:
    """A Redis older than 6.2 is reported."""
    async with redis_of(version) as url:
        patient.settings["REDIS_URL"] = url
        await examine(patient, monkeypatch, capsys)
    (line,) = [line for line in patient.told.splitlines() if line.split()[1] == "redis"]
    assert line.startswith("ok" if well else "FAIL")
    assert version in line
    assert ("too old" in line) is not well


@pytest.mark.usefixtures("environment")
async def test_counts_the_workers(
    redis: Any,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Running workers are counted by their heartbeats."""
    alive = Heartbeats(redis)
    await alive.record("one", time.time())
    await alive.record("another", time.time() - 10)
    await alive.record("gone", time.time() - 3600)
    await examine(patient, monkeypatch, capsys)
    assert patient.told.splitlines()[-1] == "ok    worker    2 running in the last 30 s"


@pytest.mark.usefixtures("environment")
async def test_reports_a_stopped_worker(
    redis: Any,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A worker that stopped an hour ago is reported."""
    await Heartbeats(redis).record("gone", time.time() - 3600)
    await examine(patient, monkeypatch, capsys)
    line = patient.told.splitlines()[-1]
    assert line.startswith("FAIL  worker    none for 60 min: start `emporix-bot worker`")
    assert patient.status == 1


@pytest.mark.usefixtures("environment")
async def test_names_certificates_that_are_not_trusted(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """For each service, an untrusted certificate is reported with its own fix."""
    async with tls_server(tmp_path) as (url, _):
        patient.settings |= {
            "SLACK_API_URL": f"{url}/api/",
            "EMPORIX_API_URL": url,
            "REDIS_URL": url.replace("https:", "rediss:"),
        }
        await examine(patient, monkeypatch, capsys)
    told = [line for line in patient.told.splitlines() if "certificate is not trusted" in line]
    assert [line.split()[1] for line in told] == ["redis", "slack", "emporix"]
    assert "ssl_ca_certs" in told[0]
    assert "SSL_CERT_FILE" in told[1]
    assert "SSL_CERT_FILE" in told[2]


def test_compares_the_clock_with_that_of_slack() -> None:
    """Slack's clock is known by the Date header, if there is one."""
    there = datetime.now(UTC) - timedelta(hours=1)
    assert seconds_ahead_of_slack(format_datetime(there, usegmt=True)) == pytest.approx(3600, abs=3)
    assert seconds_ahead_of_slack("") == 0


def test_reports_a_wrong_clock() -> None:
    """A clock offset above 5 s is reported with its direction."""
    assert clock_problem(4, "Slack") == clock_problem(-4, "Slack") == ""
    assert clock_problem(3600, "Slack").startswith("this machine's clock is 3600 s ahead of")
    assert clock_problem(-9, "Redis").startswith("this machine's clock is 9 s behind Redis")


@pytest.mark.usefixtures("environment")
async def test_reports_how_redis_keeps_its_data(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check shows whether Redis persists each write."""
    await examine(patient, monkeypatch, capsys)
    assert "appendonly yes" in patient.told
    server(patient).config_set("appendonly", "no")
    await examine(patient, monkeypatch, capsys)
    server(patient).config_set("appendonly", "yes")
    assert "appendonly no: data since its last save can be lost" in patient.told


IN_A_CHANNEL = [
    *("channel", "post", "history", "metadata", "block_id"),
    *("chart", "menu", "button", "update", "delete"),
]


@pytest.mark.usefixtures("environment")
async def test_tests_a_channel(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --channel, the other checks are followed by one line per assumption about Slack."""
    patient.workspace.messages = Messages(time.time)
    await examine(patient, monkeypatch, capsys, "--channel", "C0OPS")
    lines = [line.split()[:2] for line in patient.told.splitlines()]
    assert lines[6:] == [["ok", subject] for subject in IN_A_CHANNEL]
    assert patient.status == 0


@pytest.mark.usefixtures("environment")
async def test_a_channel_without_charts_is_no_failure(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the app works without is marked `miss`, and the exit status is 0."""
    patient.workspace.messages = Messages(time.time)
    patient.workspace.faults.add(SlackFault("no_charts"))
    await examine(patient, monkeypatch, capsys, "--channel", "C0OPS")
    assert "miss  chart     Slack refuses it (invalid_blocks): digests show" in patient.told
    assert patient.status == 0


@pytest.mark.usefixtures("environment")
async def test_refuses_a_channel_without_the_app(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A channel that the app is not in is a failure, and the exit status is 1."""
    await examine(patient, monkeypatch, capsys, "--channel", "C0SECRET")
    assert "FAIL  channel   the app is not in it: type `/invite @emporix` there" in patient.told
    assert patient.status == 1


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("channel", ["ops", "#ops", "D012AB3C", "U0ADA", "T0ACME", ""])
def test_takes_only_ids_of_channels(channel: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name or the id of something else is refused with an example of a channel's id."""
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--channel", channel])
    assert ended.value.code == 2
    assert "isn't a Slack id such as C012AB3C" in capsys.readouterr().err


@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_test_leaves_no_message(
    patient: Patient, interrupt: signal.Signals
) -> None:
    """After Ctrl-C or SIGTERM, the test message is deleted and the exit status is 130."""
    patient.workspace.messages = Messages(time.time)
    gate = Gate(create_slack(patient.workspace), "chat.update")
    async with serving(gate) as slack:
        settings = patient.settings | {"SLACK_API_URL": f"{slack}/api/"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "doctor", "--channel", "C0OPS"),
            env=os.environ | settings,
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        await gate.arrived.wait()
        process.send_signal(interrupt)
        gate.opened.set()
        written, _ = await process.communicate()
    lines = written.decode().splitlines()
    assert lines[-2:] == ["ok    delete    the message was deleted", "Stopped."]
    assert process.returncode == 130
    assert patient.workspace.messages.of_channel("C0OPS") == []
