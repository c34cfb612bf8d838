"""`emporix-bot doctor`: checks settings, Redis, Slack, Emporix, accounts and workers."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from slack_sdk.errors import SlackApiError

from bot.domain.accounts import Credentials
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import EmporixError, StoreUnavailable, Unauthorized
from bot.resources import build_cipher, slack_client, slack_session
from bot.settings import Settings
from bot.slack.errors import SLACK_ERRORS, classify, error_code
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
"""The bot scopes of manifest.yml."""

MIN_REDIS_VERSION = (6, 2)
UNTRUSTED_CERTIFICATE = "its certificate is not trusted"
REDIS_ADVICE = {
    "LOADING": "wait until it has loaded its data",
    "MASTERDOWN": "REDIS_URL leads to a replica: let it lead to the primary",
    "MISCONF": "give its disk space, and read its log",
    "NOAUTH": "put its password into REDIS_URL",
    "NOPERM": "let its user run what docs/operator-guide.md lists",
    "OOM": "give it more memory",
    "READONLY": "REDIS_URL leads to a replica: let it lead to the primary",
    "WRONGPASS": "put the right user and password into REDIS_URL",
    "AuthenticationError": "put the right user and password into REDIS_URL",
}
"""By the kind of trouble, as `bot.store.errors` names it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what was seen or, if it failed, what to do."""

    subject: str
    ok: bool
    message: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'}  {self.subject:<8}  {self.message}"


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Run all checks; settings that load are valid."""
    checks = (_check_redis, _check_slack, _check_emporix, _check_accounts, _check_worker)
    found = await asyncio.gather(*(check(settings) for check in checks))
    risks = settings.warnings()
    return [CheckResult("settings", True, "; ".join(risks) or "all there"), *found]


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
    """What is wrong, empty where nothing is; and what was seen. Raises StoreUnavailable."""
    if missing := await missing_permissions(redis):
        return f"its user may not run {', '.join(missing)}: {REDIS_ADVICE['NOPERM']}", ""
    await WriteProbe(redis).ping()
    with translate_redis_errors():
        facts = await redis.info()
    version = str(facts["redis_version"])
    policy = facts.get("maxmemory_policy", "noeviction")  # some hosts do not tell
    if tuple(map(int, version.split(".")[:2])) < MIN_REDIS_VERSION:
        return f"version {version} is too old: use 6.2 or newer", ""
    if policy != "noeviction":
        return f"maxmemory-policy is {policy}: set noeviction, or it drops what must be kept", ""
    if problem := clock_problem(await clock_offset(redis, time.time), "Redis"):
        return problem, ""
    kept = "yes" if facts.get("aof_enabled") else "no: what came since its last save can be lost"
    return "", f"version {version}, appendonly {kept}"


def _redis_advice(error: StoreUnavailable) -> str:
    advice = REDIS_ADVICE.get(str(error), "check REDIS_URL, and that the server runs")
    if _is_untrusted(error):
        advice = f"{UNTRUSTED_CERTIFICATE}: add ?ssl_ca_certs=<file> to REDIS_URL"
    return f"{error}: {advice}"


def clock_problem(ahead: float, other: str) -> str:
    """Empty where this machine's clock fits."""
    if abs(ahead) <= CLOCK_ERROR_SECONDS:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead):.0f} s {way} that of {other}: set both by NTP"


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
    return CheckResult("slack", True, f"workspace {answer['team']}, bot {answer['user']}")


def _slack_advice(error: SlackApiError) -> str:
    refusal = classify(error)
    if refusal.kind == "temporary":
        return f"{refusal.reason}: try again in {refusal.seconds:.0f} s"
    if not error_code(error):
        return "the answer is not Slack's: check SLACK_API_URL"
    if refusal.kind == "unknown":
        return f"{refusal.reason}: Slack has a problem, try again in {refusal.seconds:.0f} s"
    return f"{refusal.reason}: copy SLACK_BOT_TOKEN again, or reinstall the app"


def seconds_ahead_of_slack(date: str) -> float:
    """Seconds, by the `Date` header of an answer, which is exact to a second: RFC 9110, 6.6.1."""
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


async def _check_emporix(settings: Settings) -> CheckResult:
    """Nobody's key is at hand here, so a refusal of a made-up one is the sign of life."""
    redis = connect(settings.redis_url.get_secret_value())  # the token of nobody is not kept there
    tokens = TokenStore(redis, AccountEncryption(build_cipher(settings)))
    async with aclosing(redis), http_client(settings.emporix_api_url) as http:
        try:
            client = EmporixClient(http, tokens, time.time)
            await client.request_token(Credentials("emporix-bot-doctor", "no secret"))
        except Unauthorized:
            return CheckResult("emporix", True, "answers")
        except EmporixError as error:
            words = f"{error}: {_advice(error, 'EMPORIX_API_URL')}"
            return CheckResult("emporix", False, words)
    return CheckResult("emporix", False, "accepts any key: check EMPORIX_API_URL")


def _advice(error: BaseException, setting: str) -> str:
    if _is_untrusted(error):
        return f"{UNTRUSTED_CERTIFICATE}: name the file of its authority in SSL_CERT_FILE"
    return f"check {setting} and the network"


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a certificate that was refused is what caused it."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


async def _check_accounts(settings: Settings) -> CheckResult:
    """A workspace that joins an Enterprise Grid gets an enterprise id, and so other keys in Redis.

    Slack: auth.test has enterprise_id in a workspace of a Grid.
    """
    redis = connect(settings.redis_url.get_secret_value())
    try:
        async with slack_session() as session:
            answer = await slack_client(settings, session).auth_test()
        with translate_redis_errors():
            keys = [key async for key in redis.scan_iter(redis_keys.ALL_ACCOUNTS, count=1000)]
    except (StoreUnavailable, *SLACK_ERRORS):
        return CheckResult(
            "accounts", True, "cannot be checked while Redis or Slack does not answer"
        )
    finally:
        await redis.aclose()
    now = f"{redis_keys.PREFIX}:{{{answer.get('enterprise_id') or ''}:{answer['team_id']}:"
    others = sorted({key.partition("{")[2].partition("}")[0] for key in keys if now not in key})
    if not others:
        return CheckResult("accounts", True, f"{len(keys):,}")
    words = (
        f"{len(others):,} of another workspace or enterprise, like {others[0]}: delete them with "
        "`emporix-bot forget`; docs/operator-guide.md says how, and what these people do then"
    )
    return CheckResult("accounts", False, words)


async def _check_worker(settings: Settings) -> CheckResult:
    """None is not wrong where there never was one: the app may not be deployed yet."""
    redis = connect(settings.redis_url.get_secret_value())
    try:
        seen = await Heartbeats(redis).status(time.time())
    except StoreUnavailable:
        return CheckResult("worker", True, "cannot be seen while Redis does not answer")
    finally:
        await redis.aclose()
    if seen.alive:
        return CheckResult("worker", True, f"{seen.alive} running")
    if seen.last_heartbeat is None:
        return CheckResult("worker", True, "none yet: scheduled work needs `emporix-bot worker`")
    minutes = (time.time() - seen.last_heartbeat) / 60
    words = f"none for {minutes:.0f} min: start `emporix-bot worker`, or look into its log"
    return CheckResult("worker", False, words)
