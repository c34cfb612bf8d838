"""`emporix-bot doctor`: checks settings, Redis, Slack, Emporix, accounts, workers and a channel."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from slack_sdk.errors import SlackApiError

from bot.domain.accounts import Credentials
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import EmporixError, StoreUnavailable, Unauthorized
from bot.http_session import is_certificate_untrusted
from bot.rendering.renderer import Renderer
from bot.resources import build_cipher, slack_client, slack_session
from bot.settings import Settings
from bot.slack.errors import (
    SLACK_ERRORS,
    SOCKET_MODE_ADVICE,
    SOCKET_MODE_UNKNOWN,
    classify,
    error_code,
)
from bot.slack.installation import Installation
from bot.slack.posting.channel_check import ChannelCheck
from bot.store import keys as redis_keys
from bot.store.accounts import TokenStore
from bot.store.connection import Commands, connect, translate_redis_errors
from bot.store.encryption import AccountEncryption, Canary
from bot.store.health import (
    CLOCK_ERROR_SECONDS,
    Heartbeats,
    WriteProbe,
    clock_offset,
    missing_permissions,
)

SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "channels:history",
        "channels:join",
        "channels:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "users:read",
    }
)
"""The bot scopes in manifest.yml without the optional ones."""

OPTIONAL_SCOPES = {"usergroups:read": "alerts can mention people, but no user groups"}
"""The optional bot scopes in manifest.yml, and what is missing without each."""

APP_ID_IN_TOKEN = re.compile(r"xapp-\d+-(?P<id>A[A-Z0-9]+)-")
"""Slack: an app-level token contains its app's id. The `app_id` of a WebSocket's address need not
be that id."""

MIN_REDIS_VERSION = (6, 2)
UNTRUSTED_CERTIFICATE = "its certificate is not trusted"
REDIS_ADVICE = {
    "LOADING": "wait until it has loaded its data",
    "MASTERDOWN": "REDIS_URL points to a replica: change it to the primary",
    "MISCONF": "free disk space, and check its log",
    "NOAUTH": "add its password to REDIS_URL",
    "NOPERM": "grant the permissions listed in docs/operator-guide.md",
    "OOM": "give it more memory",
    "READONLY": "REDIS_URL points to a replica: change it to the primary",
    "WRONGPASS": "correct the user name and password in REDIS_URL",
    "AuthenticationError": "correct the user name and password in REDIS_URL",
}
"""Advice for each kind of error, as named by `bot.store.errors`."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what was found or, if it failed, what to do.

    With `is_optional`, the app works without what is missing.
    """

    subject: str
    ok: bool
    message: str
    is_optional: bool = False

    def __str__(self) -> str:
        result = "ok" if self.ok else "miss" if self.is_optional else "FAIL"
        return f"{result:<4}  {self.subject:<8}  {self.message}"


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Run all checks. The settings themselves were validated when they were loaded."""
    checks = (
        _check_redis,
        _check_slack,
        _check_socket_mode,
        _check_emporix,
        _check_accounts,
        _check_worker,
    )
    found = await asyncio.gather(*(check(settings) for check in checks))
    risks = settings.warnings()
    first = CheckResult("settings", True, "; ".join(risks) or "complete")
    return [first, *(result for result in found if result)]


async def check_channel(
    settings: Settings, channel_id: str, report: Callable[[CheckResult], None]
) -> None:
    """Use a test message to check what the app needs in a channel; reports each result.

    The message is deleted even if this is cancelled.
    """

    def report_check(subject: str, ok: bool, message: str, *, is_optional: bool = False) -> None:
        report(CheckResult(subject, ok, message, is_optional))

    async with slack_session() as session:
        client = slack_client(settings, session)
        poster = slack_client(settings, session, repeats=False)
        check = ChannelCheck(client, poster, Renderer.default(), channel_id, report_check)
        await check.run()


async def _check_redis(settings: Settings) -> CheckResult:
    canary = Canary(build_cipher(settings), create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    try:
        problem, words = await _check_redis_server(redis)
    except StoreUnavailable as error:
        problem, words = canary.problem or _redis_advice(error), ""
    finally:
        await redis.aclose()
    return CheckResult("redis", not problem, problem or words)


async def _check_redis_server(redis: Commands) -> tuple[str, str]:
    """Return the problem, empty if there is none, and a summary. Raises StoreUnavailable."""
    if missing := await missing_permissions(redis):
        return f"its user may not run {', '.join(missing)}: {REDIS_ADVICE['NOPERM']}", ""
    await WriteProbe(redis).ping()
    with translate_redis_errors():
        facts = await redis.info()
    version = str(facts["redis_version"])
    policy = facts.get("maxmemory_policy", "noeviction")  # some hosting providers hide it
    if tuple(map(int, version.split(".")[:2])) < MIN_REDIS_VERSION:
        return f"version {version} is too old: use 6.2 or newer", ""
    if policy != "noeviction":
        return f"maxmemory-policy is {policy}: set noeviction, or data will be lost", ""
    if problem := clock_problem(await clock_offset(redis, time.time), "Redis"):
        return problem, ""
    kept = "yes" if facts.get("aof_enabled") else "no: data since its last save can be lost"
    return "", f"version {version}, appendonly {kept}"


def _redis_advice(error: StoreUnavailable) -> str:
    advice = REDIS_ADVICE.get(str(error), "check REDIS_URL, and that the server is running")
    if is_certificate_untrusted(error):
        advice = f"{UNTRUSTED_CERTIFICATE}: add ?ssl_ca_certs=<file> to REDIS_URL"
    return f"{error}: {advice}"


def clock_problem(ahead: float, other: str) -> str:
    """Describe a difference between the clocks; empty if it is small enough."""
    if abs(ahead) <= CLOCK_ERROR_SECONDS:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead):.0f} s {way} {other}: synchronize both with NTP"


async def _check_slack(settings: Settings) -> CheckResult:
    async with slack_session() as session:
        client = slack_client(settings, session)
        try:
            answer = await client.auth_test(token=settings.slack_bot_token.get_secret_value())
        except SlackApiError as error:
            return CheckResult("slack", False, _slack_advice(error))
        except SLACK_ERRORS as error:
            words = f"{type(error).__name__}: {_advice(error, 'SLACK_API_URL')}"
            return CheckResult("slack", False, words)
    granted = {name.strip() for name in answer.headers.get("x-oauth-scopes", "").split(",")}
    if missing := SCOPES - granted:
        words = f"scopes missing: {', '.join(sorted(missing))}; update the app from manifest.yml"
        return CheckResult("slack", False, words)
    if problem := clock_problem(seconds_ahead_of_slack(answer.headers.get("date", "")), "Slack"):
        return CheckResult("slack", False, problem)
    found = f"workspace {answer['team']}, bot {answer['user']}"
    if lacking := OPTIONAL_SCOPES.keys() - granted:
        without = "; ".join(f"without {name}, {OPTIONAL_SCOPES[name]}" for name in sorted(lacking))
        words = f"{found}; {without}: to change that, update the app from manifest.yml"
        return CheckResult("slack", False, words, is_optional=True)
    return CheckResult("slack", True, found)


async def _check_socket_mode(settings: Settings) -> CheckResult | None:
    """Request an address, but don't connect: the connection would get users' requests."""
    if settings.slack_app_token is None:
        return None
    token = settings.slack_app_token.get_secret_value()
    async with slack_session() as session:
        client = slack_client(settings, session)
        try:
            await client.apps_connections_open(app_token=token)
            identity = await Installation(client, allow_outsiders=False).identify()
        except SlackApiError as error:
            advice = SOCKET_MODE_ADVICE.get(error_code(error), SOCKET_MODE_UNKNOWN)
            return CheckResult("socket", False, _slack_advice(error, advice))
        except SLACK_ERRORS as error:
            words = f"{type(error).__name__}: {_advice(error, 'SLACK_API_URL')}"
            return CheckResult("socket", False, words)
    theirs = APP_ID_IN_TOKEN.match(token)
    if identity and identity.app_id and theirs and identity.app_id != theirs["id"]:
        words = (
            "SLACK_APP_TOKEN and SLACK_BOT_TOKEN belong to different Slack apps: copy both from one"
        )
        return CheckResult("socket", False, words)
    return CheckResult("socket", True, "SLACK_APP_TOKEN works; Socket Mode must be on in Slack")


def _slack_advice(
    error: SlackApiError, advice: str = "copy SLACK_BOT_TOKEN again, or reinstall the app"
) -> str:
    """`advice` says what to do about a permanent refusal."""
    refusal = classify(error)
    if refusal.kind == "temporary":
        return f"{refusal.reason}: try again in {refusal.seconds:.0f} s"
    if not error_code(error):
        return "the response is not from Slack: check SLACK_API_URL"
    if refusal.kind == "unknown":
        return f"{refusal.reason}: Slack has a problem, try again in {refusal.seconds:.0f} s"
    return f"{refusal.reason}: {advice}"


def seconds_ahead_of_slack(date: str) -> float:
    """Compare this clock with a response's `Date` header, exact to a second (RFC 9110, 6.6.1)."""
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


async def _check_emporix(settings: Settings) -> CheckResult:
    """Request a token with an invalid key: a rejection shows that Emporix answers."""
    redis = connect(settings.redis_url.get_secret_value())  # not used: no token is issued
    tokens = TokenStore(redis, AccountEncryption(build_cipher(settings)))
    async with aclosing(redis), http_client(settings.emporix_api_url) as http:
        try:
            client = EmporixClient(http, tokens, time.time)
            await client.request_token(Credentials("emporix-bot-doctor", "no secret"))
        except Unauthorized:
            return CheckResult("emporix", True, "reachable")
        except EmporixError as error:
            words = f"{error}: {_advice(error, 'EMPORIX_API_URL')}"
            return CheckResult("emporix", False, words)
    return CheckResult("emporix", False, "accepts any key: check EMPORIX_API_URL")


def _advice(error: BaseException, setting: str) -> str:
    if is_certificate_untrusted(error):
        return f"{UNTRUSTED_CERTIFICATE}: set SSL_CERT_FILE to the certificate of its authority"
    return f"check {setting} and the network"


async def _check_accounts(settings: Settings) -> CheckResult:
    """Find accounts stored under the ids of another workspace or enterprise.

    When a workspace joins an Enterprise Grid, it gets an enterprise id, and thus other Redis keys.
    auth.test returns the enterprise_id.
    """
    redis = connect(settings.redis_url.get_secret_value())
    try:
        async with slack_session() as session:
            answer = await slack_client(settings, session).auth_test()
        with translate_redis_errors():
            keys = [key async for key in redis.scan_iter(redis_keys.ALL_ACCOUNTS, count=1000)]
    except (StoreUnavailable, *SLACK_ERRORS):
        return CheckResult("accounts", True, "can't be checked while Redis or Slack doesn't answer")
    finally:
        await redis.aclose()
    now = f"{redis_keys.PREFIX}:{{{answer.get('enterprise_id') or ''}:{answer['team_id']}:"
    others = sorted({key.partition("{")[2].partition("}")[0] for key in keys if now not in key})
    if not others:
        return CheckResult("accounts", True, f"{len(keys):,}")
    words = (
        f"{len(others):,} of another workspace or enterprise, such as {others[0]}: delete them "
        "with `emporix-bot forget`; docs/operator-guide.md explains how, and what users must do"
    )
    return CheckResult("accounts", False, words)


async def _check_worker(settings: Settings) -> CheckResult:
    """Check for a running worker; if there never was one, the app may be new, so it passes."""
    redis = connect(settings.redis_url.get_secret_value())
    try:
        seen = await Heartbeats(redis).status(time.time())
    except StoreUnavailable:
        return CheckResult("worker", True, "can't be checked while Redis doesn't answer")
    finally:
        await redis.aclose()
    if seen.alive:
        return CheckResult("worker", True, f"{seen.alive} running in the last 30 s")
    if seen.last_heartbeat is None:
        return CheckResult("worker", True, "none yet: scheduled work needs `emporix-bot worker`")
    minutes = (time.time() - seen.last_heartbeat) / 60
    words = f"none for {minutes:.0f} min: start `emporix-bot worker`, or check its log"
    return CheckResult("worker", False, words)
