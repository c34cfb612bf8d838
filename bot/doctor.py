"""emporix-bot doctor: is everything there that the app needs, and what to do where it is not."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import EmporixError, StoreUnavailable, Unauthorized
from bot.models import Credentials
from bot.settings import Settings
from bot.slack.refusals import word
from bot.store import layout
from bot.store.alive import Alive
from bot.store.connection import connect, reaching_redis
from bot.store.tokens import TokenStore
from bot.wiring.shared import sealed_records, slack_client, slack_session

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

OLDEST_REDIS = (6, 2)
REDIS_ADVICE = {
    "NoPermissionError": "let its user call INFO; docs/operator-guide.md has all that it needs",
}
"""By what the client library calls the trouble."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, and what was seen or what to do."""

    about: str
    well: bool
    words: str

    def __str__(self) -> str:
        return f"{'ok ' if self.well else 'NOT'}  {self.about:<8}  {self.words}"


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything in turn; the settings are well, or they would not load."""
    looks = (_redis, _slack, _emporix, _accounts, _worker)
    found = await asyncio.gather(*(look(settings) for look in looks))
    return [Finding("settings", True, "all there"), *found]


async def _redis(settings: Settings) -> Finding:
    redis = connect(settings.redis_url.get_secret_value())
    try:
        with reaching_redis():
            facts = await redis.info("server")
    except StoreUnavailable as error:
        advice = REDIS_ADVICE.get(str(error), "check REDIS_URL, and that the server runs")
        return Finding("redis", False, f"{error}: {advice}")
    finally:
        await redis.aclose()
    version = str(facts["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        return Finding("redis", False, f"version {version} is too old: use 6.2 or newer")
    return Finding("redis", True, f"version {version}")


async def _slack(settings: Settings) -> Finding:
    async with slack_session() as session:
        client = slack_client(settings, session)
        try:
            answer = await client.auth_test(token=settings.slack_bot_token.get_secret_value())
        except SlackApiError as error:
            if not (said := word(error)):
                return Finding("slack", False, "the answer is not Slack's: check SLACK_API_URL")
            words = f"{said}: copy SLACK_BOT_TOKEN again, or reinstall the app"
            return Finding("slack", False, words)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            words = f"{type(error).__name__}: check SLACK_API_URL and the network"
            return Finding("slack", False, words)
    granted = {name.strip() for name in answer.headers.get("x-oauth-scopes", "").split(",")}
    if missing := SCOPES - granted:
        words = f"scopes missing: {', '.join(sorted(missing))}; update the app from manifest.yml"
        return Finding("slack", False, words)
    return Finding("slack", True, f"workspace {answer['team']}, bot {answer['user']}")


async def _emporix(settings: Settings) -> Finding:
    """Nobody's key is at hand here, so a refusal of a made-up one is the sign of life."""
    tokens = TokenStore(connect(settings.redis_url.get_secret_value()), sealed_records(settings))
    async with http_client(settings.emporix_api_url) as http:
        try:
            client = EmporixClient(http, tokens, time.time)
            await client.request_token(Credentials("emporix-bot-doctor", "no secret"))
        except Unauthorized:
            return Finding("emporix", True, "answers")
        except EmporixError as error:
            words = f"{error}: check EMPORIX_API_URL and the network"
            return Finding("emporix", False, words)
    return Finding("emporix", False, "accepts any key: check EMPORIX_API_URL")


async def _accounts(settings: Settings) -> Finding:
    """A workspace that joins an Enterprise Grid gets an enterprise id, and so other keys in Redis.

    Slack: auth.test has enterprise_id in a workspace of a Grid.
    """
    redis = connect(settings.redis_url.get_secret_value())
    try:
        async with slack_session() as session:
            answer = await slack_client(settings, session).auth_test()
        with reaching_redis():
            keys = [key async for key in redis.scan_iter(layout.ALL_ACCOUNTS, count=1000)]
    except (StoreUnavailable, SlackClientError, aiohttp.ClientError, TimeoutError):
        return Finding("accounts", True, "cannot be checked while Redis or Slack does not answer")
    finally:
        await redis.aclose()
    now = f"{layout.PREFIX}:{{{answer.get('enterprise_id') or ''}:{answer['team_id']}:"
    others = sorted({key.partition("{")[2].partition("}")[0] for key in keys if now not in key})
    if not others:
        return Finding("accounts", True, f"{len(keys):,}")
    words = (
        f"{len(others):,} of another workspace or enterprise, like {others[0]}: delete them with "
        "`emporix-bot forget`; docs/operator-guide.md says how, and what these people do then"
    )
    return Finding("accounts", False, words)


async def _worker(settings: Settings) -> Finding:
    """None is not wrong where there never was one: the app may not be deployed yet."""
    redis = connect(settings.redis_url.get_secret_value())
    try:
        seen = await Alive(redis).seen(time.time())
    except StoreUnavailable:
        return Finding("worker", True, "cannot be seen while Redis does not answer")
    finally:
        await redis.aclose()
    if seen.at_work:
        return Finding("worker", True, f"{seen.at_work} at work")
    if seen.last is None:
        return Finding(
            "worker", True, "none yet: what happens by the clock needs `emporix-bot worker`"
        )
    minutes = (time.time() - seen.last) / 60
    words = f"none for {minutes:.0f} min: start `emporix-bot worker`, or look into its log"
    return Finding("worker", False, words)
