"""Client of the Emporix AI Service: one method for each endpoint."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

import httpx

from bot.domain.accounts import (
    DELETE_SCOPE,
    DELETE_SCOPES,
    READ_SCOPES,
    RUN_SCOPE,
    RUN_SCOPES,
    Connection,
    Credentials,
    Token,
)
from bot.domain.filters import Filters
from bot.domain.jobs import Agent, Job, JobPage, RequestLog, Session
from bot.domain.times import Clock
from bot.emporix import auth
from bot.emporix.auth import (
    ActionTokens,
    AuthorizedRequest,
    DeleteAttempts,
    TokenAuth,
    TokenCache,
)
from bot.emporix.errors import request_error, unreadable
from bot.emporix.http import (
    CALL_BUDGET_SECONDS,
    MIN_ANSWER_SECONDS,
    call_with_retries,
)
from bot.emporix.models import (
    LIST_FIELDS,
    NO_NAMES,
    decode_json,
    parse_agent,
    parse_agents,
    parse_job,
    parse_job_page,
    parse_request_log,
    parse_session,
    parse_started_job,
)
from bot.emporix.query import (
    ALL_TIMES,
    TimeRange,
    agent_path,
    by_request,
    job_segment,
    segment,
    to_q,
)
from bot.errors import (
    BotError,
    EmporixError,
    EmporixTimeout,
    EmporixUnreadable,
    InvalidRequest,
    NotFound,
)

MAX_PAGE_SIZE = 50
"""Emporix documents no maximum; with this one, pages stay far below its limit of 10 MB."""

TOTAL = re.compile(r"[0-9]{1,15}")


def list_params(filters: Filters) -> dict[str, str]:
    """Query parameters for page, order and fields. All are sent: Emporix documents no defaults."""
    page, size = _page_and_size(filters)
    return {
        "pageSize": str(size),
        "pageNumber": str(page),
        "sort": filters.sort,
        "fields": with_id(filters.fields or LIST_FIELDS),
    }


def with_id(fields: Iterable[str]) -> str:
    """The parameter for `fields`, with the id first, as a job is useless without it."""
    return ",".join(dict.fromkeys(["id", *filter(None, fields)]))


def parse_page_response(
    response: httpx.Response, filters: Filters, names: Mapping[str, str] = NO_NAMES
) -> JobPage:
    """Parse a page of jobs; raises ValueError if the body is not an array of objects.

    Emporix: the total comes in a header, and only on request.
    """
    number, size = _page_and_size(filters)
    total = response.headers.get("X-Total-Count", "")
    return parse_job_page(
        decode_json(response.content),
        page=number,
        size=size,
        total=int(total) if TOTAL.fullmatch(total) else None,
        names=names,
    )


def _page_and_size(filters: Filters) -> tuple[int, int]:
    return max(1, filters.page), min(max(1, filters.size), MAX_PAGE_SIZE)


logger = logging.getLogger(__name__)

MAX_QUERY_STRING_BYTES = 8_000
"""Emporix: a URL has at most 10 KB. Longer queries use the POST search."""

AGENT_FIELDS = {"fields": "id,name,type,enabled"}
"""The fields to request: complete agents contain prompts and keys."""

AGENT_STATE_FIELDS = {"fields": "id,name,type,enabled,metadata"}
"""Also the version, which tells whether an agent was changed."""

WITH_TOTAL_COUNT = {"X-Total-Count": "true"}

T = TypeVar("T")


class EmporixClient:
    """Calls the AI Service, and retries temporary failures for `budget` seconds in total.

    `http` comes from `http_client`. Every method may raise any EmporixError; InvalidInput for a
    tenant or an id that cannot be part of a path; and StoreUnavailable if a token must be refreshed
    while the store does not answer.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        tokens: TokenCache,
        clock: Clock,
        *,
        budget: float = CALL_BUDGET_SECONDS,
    ) -> None:
        self._http, self._tokens, self._clock, self._budget = http, tokens, clock, budget
        self._api_url = f"{str(http.base_url).rstrip('/')}/ai-service"
        self._delete_tokens, self._run_tokens = ActionTokens(), ActionTokens()

    async def list_jobs(
        self,
        connection: Connection,
        filters: Filters,
        time_range: TimeRange = ALL_TIMES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> JobPage:
        """GET /jobs, or the POST search if the query is too long for a URL.

        `names` are the names of agents by id. Raises InvalidRequest if Emporix rejects the query,
        the sort or the fields.
        """
        q = to_q(filters, time_range)
        query = urlencode(list_params(filters) | ({"q": q} if q else {}))
        if len(query) > MAX_QUERY_STRING_BYTES:
            return await self.search_jobs(connection, filters, time_range, names)
        call = self._call(connection, "GET", f"jobs?{query}", headers=WITH_TOTAL_COUNT)
        return await self._read(call, partial(parse_page_response, filters=filters, names=names))

    async def search_jobs(
        self,
        connection: Connection,
        filters: Filters,
        time_range: TimeRange = ALL_TIMES,
        names: Mapping[str, str] = NO_NAMES,
    ) -> JobPage:
        """POST /jobs/search. Raises InvalidRequest as `list_jobs` does."""
        call = self._call(
            connection,
            "POST",
            "jobs/search",
            params=list_params(filters),
            headers=WITH_TOTAL_COUNT,
            json={"q": to_q(filters, time_range)},
        )
        return await self._read(call, partial(parse_page_response, filters=filters, names=names))

    async def get_job(
        self, connection: Connection, job_id: str, fields: Collection[str] = ()
    ) -> Job:
        """GET /jobs/{jobId}, with all fields unless `fields` are given. Raises NotFound."""
        params = {"fields": with_id(fields)} if fields else None
        call = self._job_call(connection, "GET", job_id, params)
        job = await self._read(call, lambda response: parse_job(decode_json(response.content)))
        return replace(job, id=job.id or job_id)

    async def delete_job(self, connection: Connection, job_id: str) -> bool:
        """DELETE /jobs/{jobId}: returns True if it was deleted, False if it was already gone.

        A 404 after an attempt with an unknown result means that this attempt deleted the job. If
        the last attempt has an unknown result, the job is looked up within the rest of the budget.
        If that fails, too, the error raised has `may_have_worked`. Raises Forbidden without the
        scope.
        """
        ends = asyncio.get_running_loop().time() + self._budget
        deletion = DeleteAttempts(self._job_call(connection, "DELETE", job_id))
        try:
            with translate_request_errors(connection.tenant):
                return await call_with_retries(deletion.attempt, reads=False, budget=self._budget)
        except EmporixError as last:
            if deletion.may_be_done and await self._is_gone(connection, job_id, ends):
                return True
            if deletion.may_be_done and not last.may_have_worked:
                raise EmporixUnreadable(tenant=connection.tenant, because="cut off") from last
            raise

    async def _is_gone(self, connection: Connection, job_id: str, ends: float) -> bool:
        """Look up a job once; True only if it is certainly gone. `ends` is on the loop's clock."""
        if ends - asyncio.get_running_loop().time() < MIN_ANSWER_SECONDS:
            return False
        call = self._job_call(connection, "GET", job_id, {"fields": "id"})
        try:
            async with asyncio.timeout_at(ends):
                await call.send()
        except NotFound:
            return True
        except (BotError, httpx.RequestError, TimeoutError) as error:
            logger.info("could not check whether a delete worked: %s", type(error).__name__)
        return False

    async def list_agents(self, connection: Connection) -> tuple[Agent, ...]:
        """GET /agentic/agents, in Emporix's order, at most MAX_AGENTS."""
        call = self._call(connection, "GET", "agentic/agents", params=AGENT_FIELDS)
        return await self._read(call, lambda response: parse_agents(decode_json(response.content)))

    async def get_agent(self, connection: Connection, agent_id: str) -> Agent:
        """GET /agentic/agents/{agentId}, with its version. Raises NotFound."""
        call = self._call(connection, "GET", agent_path(agent_id), params=AGENT_STATE_FIELDS)
        return await self._read(call, lambda response: parse_agent(decode_json(response.content)))

    async def switch_agent(self, connection: Connection, agent_id: str, *, enabled: bool) -> None:
        """PATCH /agentic/agents/{agentId}: enable or disable an agent, in one attempt.

        It is not repeated, because someone else may change the agent in between. If the error
        raised has `may_have_worked`, read the agent. Raises NotFound, and Forbidden without the
        scope.
        """
        change = [{"op": "REPLACE", "path": "/enabled", "value": enabled}]
        call = self._call(
            connection, "PATCH", agent_path(agent_id), json=change, scope=DELETE_SCOPE
        )
        try:
            with translate_request_errors(connection.tenant):
                async with asyncio.timeout(self._budget):
                    response = await call.send()
        except InvalidRequest as error:
            error.is_change = True
            raise
        if response.status_code != httpx.codes.NO_CONTENT:
            raise unreadable(response, tenant=call.tenant)

    async def get_session(self, connection: Connection, session_id: str) -> Session:
        """GET /agentic/logs/sessions/{sessionId}, with the complete log. Raises NotFound."""
        path = f"agentic/logs/sessions/{segment(session_id, 'session id')}"
        call = self._call(connection, "GET", path, resource_id=session_id)
        return await self._read(call, lambda response: parse_session(decode_json(response.content)))

    async def find_request_log(self, connection: Connection, request_id: str) -> RequestLog:
        """GET /agentic/logs/requests for one request; without lines if it has no log."""
        params = {"q": by_request(request_id), "pageSize": "1", "pageNumber": "1"}
        call = self._call(connection, "GET", "agentic/logs/requests", params=params)
        return await self._read(
            call, lambda response: parse_request_log(decode_json(response.content), request_id)
        )

    async def start_agent(
        self, connection: Connection, agent_id: str, message: str, session_id: str
    ) -> str:
        """POST /agentic/chat-async, in one attempt: a second one would start a second job.

        Returns the id of the job, or "" if it is unknown whether the agent was started. Raises an
        EmporixError only if it certainly was not.
        """
        call = self._call(
            connection,
            "POST",
            "agentic/chat-async",
            headers={"session-id": session_id},
            json={"agentId": agent_id, "message": message},
            resource_id=agent_id,
            scope=RUN_SCOPE,
        )
        try:
            with translate_request_errors(connection.tenant):
                return await self._start(call)
        except NotFound as error:
            error.resource = "agent"
            raise

    async def _start(self, call: AuthorizedRequest) -> str:
        try:
            async with asyncio.timeout(self._budget):
                response = await call.send()
            return parse_started_job(decode_json(response.content))
        except (EmporixError, httpx.RequestError, OSError, ValueError, RecursionError) as failure:
            if not call.may_have_worked(failure):
                raise
            logger.warning("unknown whether an agent was started: %s", type(failure).__name__)
            return ""

    async def request_token(self, credentials: Credentials, scope: str = READ_SCOPES) -> Token:
        """POST /oauth/token; `scope` is READ_SCOPES or a wider one.

        Raises Unauthorized for a refused key. Emporix: the token gets the requested scopes that the
        key has.
        """

        async def attempt() -> Token:
            response = await self._http.send(auth.token_request(self._http, scope, credentials))
            return auth.parse_token(response, now=self._clock())

        with translate_request_errors():
            return await call_with_retries(attempt, budget=self._budget)

    async def _read(self, call: AuthorizedRequest, parse: Callable[[httpx.Response], T]) -> T:
        with translate_request_errors(call.tenant):
            response = await call_with_retries(call.send, budget=self._budget)
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
    ) -> AuthorizedRequest:
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
        json: object = None,
        resource_id: str = "",
        scope: str = "",
    ) -> AuthorizedRequest:
        tenant = segment(connection.tenant, "tenant name")
        query = f"?{urlencode(params)}" if params else ""
        request = self._http.build_request(
            method,
            # httpx would parse the URL once more with `params`, and once more if it was relative.
            f"{self._api_url}/{tenant}/{path}{query}",
            headers={"Emporix-Tenant": tenant, **(headers or {})},
            json=json,
        )
        auth = self._auth(connection, scope or (DELETE_SCOPE if method == "DELETE" else ""))
        return AuthorizedRequest(
            self._http, request, auth, self._clock, tenant=tenant, resource_id=resource_id
        )

    def _auth(self, connection: Connection, scope: str) -> TokenAuth:
        """Authorize with a token for reading, and for `scope` if it isn't ""."""
        tokens: TokenCache = self._tokens
        scopes, signed = READ_SCOPES, connection
        if scope:
            tokens, scopes = {
                DELETE_SCOPE: (self._delete_tokens, DELETE_SCOPES),
                RUN_SCOPE: (self._run_tokens, RUN_SCOPES),
            }[scope]
            is_wide = connection.token and scope in connection.token.scopes
            signed = connection if is_wide else replace(connection, token=None)
        ask = partial(auth.token_request, self._http, scopes)
        return TokenAuth(signed, tokens, self._clock, ask)


@contextmanager
def translate_request_errors(tenant: str = "") -> Iterator[None]:
    """Translate timeouts and httpx.RequestError to EmporixError."""
    try:
        yield
    except TimeoutError as error:
        raise EmporixTimeout(tenant=tenant) from error
    except httpx.RequestError as error:
        raise request_error(error, tenant) from error
