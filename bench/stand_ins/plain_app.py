"""The same list, page turn and opened job as a plain Bolt app writes them, for comparison.

`uvicorn bench.stand_ins.plain_app:app` serves POST /slack/events. Bolt is used as its
documentation shows, with one HTTP client, one Redis client and one Jinja environment for all
requests. It has no escaping, limits, encryption or stable pages.

Settings: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL, EMPORIX_API_URL and REDIS_URL, a
database with the hash `token:<team>:<user>` (tenant, token) for each user.
"""

from __future__ import annotations

import json
import os
import re
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

PAGE_SIZE, LOG_LINES = 10, 5
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
    await respond(await _list(account, secrets.token_urlsafe(12), 1))


@bolt.action("jobs.next")
async def next_page(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
    await ack()
    account = await store.hgetall(f"token:{body['team']['id']}:{body['user']['id']}")
    button = json.loads(body["actions"][0]["value"])
    saved = await store.get(f"cursor:{button['cursor']}")
    if saved is None:
        await respond("This list has expired: run /emporix jobs again.")
        return
    message = await _list(account, button["cursor"], button["page"] + 1)
    await respond({**message, "replace_original": True})


@bolt.action(re.compile("jobs.open.*"))
async def open_job(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
    await ack()
    loading = templates.get_template("plain_loading.json.j2").render()
    opened = await client.views_open(trigger_id=body["trigger_id"], view=json.loads(loading))
    button = json.loads(body["actions"][0]["value"])
    account = await store.hgetall(f"token:{body['team']['id']}:{body['user']['id']}")
    saved = json.loads(await store.get(f"cursor:{button['cursor']}") or "{}")
    answer = await emporix.get(
        f"/ai-service/{account['tenant']}/jobs/{button['job_id']}", headers=_headers(account)
    )
    answer.raise_for_status()
    view = templates.get_template("plain_job.json.j2").render(
        job=answer.json(),
        names=agent_names,
        seconds=_seconds,
        tenant=account["tenant"],
        cursor=button["cursor"],
        following=_after(saved.get("ids", []), button["job_id"]),
    )
    filled = json.loads(view)
    await client.views_update(view_id=opened["view"]["id"], view=filled)
    if request_id := answer.json().get("requestId"):
        filled["blocks"] += await _log(account, request_id)
        await client.views_update(view_id=opened["view"]["id"], view=filled)


async def _log(account: dict[str, str], request_id: str) -> list[dict[str, Any]]:
    """Return the blocks of the first lines of a job's log, errors first."""
    params = {"q": f"requestId:{request_id}", "pageSize": "1"}
    path = f"/ai-service/{account['tenant']}/agentic/logs/requests"
    answer = await emporix.get(path, params=params, headers=_headers(account))
    (log,) = answer.raise_for_status().json()
    lines = sorted(log["messages"], key=lambda line: line["severity"] != "ERROR")[:LOG_LINES]
    text = "\n".join(f"{line['severity']}  {line['message']}" for line in lines)
    heading = f"*Log* · took {log['duration']} s · {len(log['messages'])} lines"
    return [
        {"type": "context", "elements": [{"type": "mrkdwn", "text": heading}]},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
            ],
        },
    ]


async def _list(account: dict[str, str], cursor: str, page: int) -> Any:
    """Return the message, and save the page for its buttons."""
    tenant, headers = account["tenant"], _headers(account)
    if not agent_names:
        agents = await emporix.get(f"/ai-service/{tenant}/agentic/agents", headers=headers)
        agent_names.update({agent["id"]: _english(agent["name"]) for agent in agents.json()})
    answer = await emporix.get(
        f"/ai-service/{tenant}/jobs",
        params={
            "pageSize": PAGE_SIZE,
            "pageNumber": page,
            "sort": "metadata.createdAt:DESC",
            "fields": FIELDS,
        },
        headers={**headers, "X-Total-Count": "true"},
    )
    answer.raise_for_status()
    jobs = answer.json()
    saved = {"page": page, "size": PAGE_SIZE, "ids": [job["id"] for job in jobs]}
    await store.set(f"cursor:{cursor}", json.dumps(saved), ex=CURSOR_SECONDS)
    text = templates.get_template("plain_list.json.j2").render(
        jobs=jobs,
        names=agent_names,
        seconds=_seconds,
        total=int(answer.headers["X-Total-Count"]),
        tenant=tenant,
        cursor=cursor,
        page=page,
        first=(page - 1) * PAGE_SIZE + 1,
    )
    return json.loads(text)


def _headers(account: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {account['token']}", "Emporix-Tenant": account["tenant"]}


def _after(ids: list[str], job_id: str) -> str:
    place = ids.index(job_id) + 1 if job_id in ids else len(ids)
    return ids[place] if place < len(ids) else ""


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
