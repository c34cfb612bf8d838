"""The Emporix AI Service as this bot uses it: one method an endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

import httpx

from bot.emporix import oauth
from bot.emporix.auth import Clock, DeleteTokens, TokenAuth, Tokens
from bot.emporix.call import Call, Deletion, job_segment, segment
from bot.emporix.failures import naming_failures, unreadable
from bot.emporix.listing import list_params, page, with_id
from bot.emporix.models import Agent, Job, JobPage
from bot.emporix.part import WHOLE, Part
from bot.emporix.payloads import decode, objects
from bot.emporix.query import to_q
from bot.emporix.retries import ANSWER_TIME, BUDGET, retrying
from bot.emporix.sessions import Session
from bot.errors import BotError, EmporixError, EmporixUnreadable, NotFound
from bot.models import DELETE_SCOPE, DELETING, READING, Connection, Credentials, Filters, Token

logger = logging.getLogger(__name__)

MAX_QUERY_STRING = 8_000
"""Bytes. Emporix: a URL has at most 10 KB; what does not fit goes into a POST search."""

AGENT_FIELDS = {"fields": "id,name,type,enabled"}
"""A whole agent carries prompts and keys, which are nobody's business here."""

MOST_AGENTS = 2_000
"""More names are not read."""

COUNTED = {"X-Total-Count": "true"}

T = TypeVar("T")


class EmporixClient:
    """Calls are repeated on passing failures for at most `budget` seconds, all attempts together.

    `http` comes from `http_client`. Besides what is named below, every method may raise any
    EmporixError; InvalidInput for a tenant or an id that cannot be part of a path; and
    StoreUnavailable where a token must be refreshed while the store does not answer.
    """

    def __init__(
        self, http: httpx.AsyncClient, tokens: Tokens, clock: Clock, *, budget: float = BUDGET
    ) -> None:
        self._http, self._tokens, self._clock, self._budget = http, tokens, clock, budget
        self._delete_tokens = DeleteTokens()

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: Part = WHOLE
    ) -> JobPage:
        """GET /jobs, or the POST search where the query is too long for a URL.

        Raises InvalidRequest where Emporix does not understand the query, the sort or the fields.
        """
        q = to_q(filters, part)
        params = list_params(filters) | ({"q": q} if q else {})
        if len(urlencode(params)) > MAX_QUERY_STRING:
            return await self.search_jobs(connection, filters, part)
        call = self._call(connection, "GET", "jobs", params=params, headers=COUNTED)
        return await self._read(call, partial(page, filters=filters))

    async def search_jobs(
        self, connection: Connection, filters: Filters, part: Part = WHOLE
    ) -> JobPage:
        """POST /jobs/search. Raises InvalidRequest as `list_jobs` does."""
        call = self._call(
            connection,
            "POST",
            "jobs/search",
            params=list_params(filters),
            headers=COUNTED,
            json={"q": to_q(filters, part)},
        )
        return await self._read(call, partial(page, filters=filters))

    async def get_job(
        self, connection: Connection, job_id: str, fields: Collection[str] = ()
    ) -> Job:
        """GET /jobs/{jobId}, whole or with `fields` only. Raises NotFound."""
        params = {"fields": with_id(fields)} if fields else None
        call = self._job_call(connection, "GET", job_id, params)
        job = await self._read(call, _job)
        return replace(job, id=job.id or job_id)

    async def delete_job(self, connection: Connection, job_id: str) -> bool:
        """DELETE /jobs/{jobId}: True where it is deleted now, False where it was gone already.

        A 404 after an attempt of ours whose end is unknown means that this attempt deleted it; if
        the last attempt leaves it unknown, the job is looked up in what is left of the budget. What
        stays unknown raises an error that `may_have_worked`. Raises Forbidden without the scope.
        """
        ends = asyncio.get_running_loop().time() + self._budget
        deletion = Deletion(self._job_call(connection, "DELETE", job_id))
        try:
            with naming_failures(connection.tenant):
                return await retrying(deletion.attempt, reads=False, budget=self._budget)
        except EmporixError as last:
            if deletion.may_be_done and await self._is_gone(connection, job_id, ends):
                return True
            if deletion.may_be_done and not last.may_have_worked:
                raise EmporixUnreadable(tenant=connection.tenant, because="cut off") from last
            raise

    async def _is_gone(self, connection: Connection, job_id: str, ends: float) -> bool:
        """Whether a job is certainly not there; asked once, until `ends` on the loop's clock."""
        if ends - asyncio.get_running_loop().time() < ANSWER_TIME:
            return False
        call = self._job_call(connection, "GET", job_id, {"fields": "id"})
        try:
            async with asyncio.timeout_at(ends):
                await call.send()
        except NotFound:
            return True
        except (BotError, httpx.RequestError, TimeoutError) as error:
            logger.info("whether a delete worked stays unknown: %s", type(error).__name__)
        return False

    async def list_agents(self, connection: Connection) -> tuple[Agent, ...]:
        """GET /agentic/agents, in the order of Emporix."""
        call = self._call(connection, "GET", "agentic/agents", params=AGENT_FIELDS)
        return await self._read(call, _agents)

    async def get_session(self, connection: Connection, session_id: str) -> Session:
        """GET /agentic/logs/sessions/{sessionId}, with its whole log. Raises NotFound."""
        path = f"agentic/logs/sessions/{segment(session_id, 'session id')}"
        call = self._call(connection, "GET", path, resource_id=session_id)
        return await self._read(call, _session)

    async def request_token(self, credentials: Credentials, scope: str = READING) -> Token:
        """POST /oauth/token, for READING or DELETING of `bot.models`.

        Raises Unauthorized where the key is not accepted. Emporix: the token has those of the
        scopes that the key has.
        """

        async def attempt() -> Token:
            response = await self._http.send(oauth.token_request(self._http, scope, credentials))
            return oauth.parse(response, now=self._clock())

        with naming_failures():
            return await retrying(attempt, budget=self._budget)

    async def _read(self, call: Call, parse: Callable[[httpx.Response], T]) -> T:
        with naming_failures(call.tenant):
            response = await retrying(call.send, budget=self._budget)
        try:
            return parse(response)
        except (ValueError, RecursionError) as error:
            raise unreadable(response, tenant=call.tenant) from error

    def _job_call(
        self,
        connection: Connection,
        method: str,
        job_id: str,
        params: Mapping[str, str] | None = None,
    ) -> Call:
        path = f"jobs/{job_segment(job_id)}"
        return self._call(connection, method, path, params=params, resource_id=job_id)

    def _call(
        self,
        connection: Connection,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        resource_id: str = "",
    ) -> Call:
        tenant = segment(connection.tenant, "tenant name")
        request = self._http.build_request(
            method,
            f"/ai-service/{tenant}/{path}",
            params=params,
            headers={"Emporix-Tenant": tenant, **(headers or {})},
            json=json,
        )
        auth = self._deleting(connection) if method == "DELETE" else self._reading(connection)
        return Call(self._http, request, auth, self._clock, tenant=tenant, resource_id=resource_id)

    def _reading(self, connection: Connection) -> TokenAuth:
        ask = partial(oauth.token_request, self._http, READING)
        return TokenAuth(connection, self._tokens, self._clock, ask)

    def _deleting(self, connection: Connection) -> TokenAuth:
        ask = partial(oauth.token_request, self._http, DELETING)
        is_wide = connection.token and DELETE_SCOPE in connection.token.scopes
        held = connection if is_wide else replace(connection, token=None)
        return TokenAuth(held, self._delete_tokens, self._clock, ask)


def _job(response: httpx.Response) -> Job:
    return Job.from_json(decode(response.content))


def _session(response: httpx.Response) -> Session:
    return Session.from_json(decode(response.content))


def _agents(response: httpx.Response) -> tuple[Agent, ...]:
    return tuple(map(Agent.from_json, objects(decode(response.content), MOST_AGENTS)))
