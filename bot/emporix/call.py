"""One request to the AI Service, signed for a connection, that can be sent more than once."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx

from bot.emporix.auth import Clock, TokenAuth
from bot.emporix.failures import refusal, unreadable
from bot.errors import EmporixError, InvalidInput, NotFound

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
LONGEST_SEGMENT = 500
JOB_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


class Call:
    """`resource_id` is what a 404 will be about."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        request: httpx.Request,
        auth: TokenAuth,
        clock: Clock,
        *,
        tenant: str,
        resource_id: str = "",
    ) -> None:
        self._http, self._request, self._auth, self._clock = http, request, auth, clock
        self.tenant, self._resource_id = tenant, resource_id

    async def send(self) -> httpx.Response:
        """A read 2xx answer. Raises httpx.RequestError, or what a refusal is called."""
        response = await self._http.send(self._request, auth=self._auth)
        if response.is_success:
            return response
        raise refusal(
            response, now=self._clock(), tenant=self.tenant, resource_id=self._resource_id
        )

    def may_have_worked(self, failure: Exception) -> bool:
        """Whether the attempt that ended with `failure` may still have had its effect."""
        if not self._auth.sent:
            return False
        if isinstance(failure, EmporixError):
            return failure.may_have_worked
        return not isinstance(failure, NEVER_SENT)


class Deletion:
    """A DELETE that remembers whether one of its attempts may have worked."""

    def __init__(self, call: Call) -> None:
        self._call, self.may_be_done = call, False

    async def attempt(self) -> bool:
        """True if the resource was deleted by us, False if it was gone before.

        Raises EmporixUnreadable for any success but Emporix's 204: a proxy may have made it up.
        """
        try:
            return await self._attempt()
        except (EmporixError, httpx.RequestError) as failure:
            self.may_be_done |= self._call.may_have_worked(failure)
            raise

    async def _attempt(self) -> bool:
        try:
            response = await self._call.send()
        except NotFound:
            return self.may_be_done
        if response.status_code != httpx.codes.NO_CONTENT:
            raise unreadable(response, tenant=self._call.tenant)
        return True


def job_segment(job_id: str) -> str:
    """A job id as a segment of a path; raises InvalidInput.

    Stricter than `segment`: a gateway that decodes `%2F` would leave /jobs/ otherwise. Emporix: 24
    hex characters in every sample.
    """
    if not JOB_ID.fullmatch(job_id) or ".." in job_id:
        raise InvalidInput("That is no job id", job_id, "Copy the job id as it shows.")
    return segment(job_id, "job id")


def segment(text: str, meaning: str) -> str:
    """`text` as one segment of a path. Raises InvalidInput where it cannot be one."""
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        encoded = ""
    if encoded in ("", ".", "..") or len(encoded) > LONGEST_SEGMENT:
        raise InvalidInput(f"That is no {meaning}", text, f"Copy the {meaning} as it shows.")
    return encoded
