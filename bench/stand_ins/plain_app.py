"""The same list as a plain Bolt app writes it: what the app's own lists are compared with.

`uvicorn bench.stand_ins.plain_app:app` serves POST /slack/events. Bolt is used as its
documentation shows, with one HTTP client, one Redis client and one Jinja environment for all
requests. It has no escaping, limits, encryption or stable pages.

Settings: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL, EMPORIX_API_URL and REDIS_URL, a
database with the hash `token:<team>:<user>` (tenant, token) for each user.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import redis.asyncio
from jinja2 import Environment, FileSystemLoader
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE_SIZE = 10
CURSOR_SECONDS = 24 * 60 * 60
FIELDS = (
    "id,status,type,agentId,agentName,agentType,commerceEvent,sessionId,message,response,metadata"
)

bolt = AsyncApp(
    client=AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]),
    signing_secret=os.environ["SLACK_SIGNING_SECRET"],
)
handler = AsyncSlackRequestHandler(bolt)
store: Any = redis.asyncio.from_url(os.environ["REDIS_URL"], decode_responses=True)
emporix = httpx.AsyncClient(
    base_url=os.environ["EMPORIX_API_URL"],
    limits=httpx.Limits(max_connections=100, max_keepalive_connections=100),
    timeout=10,
)
templates = Environment(loader=FileSystemLoader(Path(__file__).parent))
agent_names: dict[str, str] = {}


@bolt.command("/emporix")
async def list_jobs(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
    await ack()
    account = await store.hgetall(f"token:{command['team_id']}:{command['user_id']}")
    headers = {"Authorization": f"Bearer {account['token']}", "Emporix-Tenant": account["tenant"]}
    if not agent_names:
        agents = await emporix.get(
            f"/ai-service/{account['tenant']}/agentic/agents", headers=headers
        )
        agent_names.update({agent["id"]: _english(agent["name"]) for agent in agents.json()})
    answer = await emporix.get(
        f"/ai-service/{account['tenant']}/jobs",
        params={
            "pageSize": PAGE_SIZE,
            "pageNumber": 1,
            "sort": "metadata.createdAt:DESC",
            "fields": FIELDS,
        },
        headers={**headers, "X-Total-Count": "true"},
    )
    answer.raise_for_status()
    cursor = secrets.token_urlsafe(12)
    await store.set(
        f"cursor:{cursor}", json.dumps({"page": 1, "size": PAGE_SIZE}), ex=CURSOR_SECONDS
    )
    text = templates.get_template("plain_list.json.j2").render(
        jobs=answer.json(),
        names=agent_names,
        seconds=_seconds,
        total=int(answer.headers["X-Total-Count"]),
        tenant=account["tenant"],
        cursor=cursor,
    )
    await respond(json.loads(text))


def _english(name: str | dict[str, str]) -> str:
    return name if isinstance(name, str) else name.get("en", "")


def _seconds(iso_time: str) -> int:
    return int(datetime.fromisoformat(iso_time).timestamp())


async def events(request: Request) -> Response:
    return await handler.handle(request)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    yield
    await emporix.aclose()
    await store.aclose()


app = Starlette(routes=[Route("/slack/events", events, methods=["POST"])], lifespan=lifespan)
