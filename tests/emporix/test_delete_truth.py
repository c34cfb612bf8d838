"""DELETE with any sequence of failures: the reported result is always true."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.emporix.client import EmporixClient
from bot.errors import EmporixError
from tests.emporix.fakes import NOW, FakeTokens, connection

TOKEN = {"access_token": "new", "expires_in": 3600, "scope": "tenant=acme"}

CERTAIN = ("429", "refused", "401", "401 and no token")
"""Ends of a DELETE that had no effect, and says so."""

UNCERTAIN = ("503", "500", "408", "page", "html 403", "cut", "slow", "200", "coded", "empty 404")
"""Ends that a DELETE can have whether or not it had its effect."""

ATTEMPTS = st.one_of(
    st.just(("honest", True)),
    st.tuples(st.sampled_from(CERTAIN), st.just(False)),
    st.tuples(st.sampled_from(UNCERTAIN), st.booleans()),
)


@dataclass
class Flaky(httpx.AsyncBaseTransport):
    """Emporix with one job: each DELETE ends as `attempts` say, and each GET as `looks`."""

    attempts: list[tuple[str, bool]]
    looks: list[str] = field(default_factory=list)
    is_there: bool = True
    is_deleted_by_us: bool = False
    token: str = "honest"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            end, self.token = self.token, "honest"
            return httpx.Response(200, json=TOKEN) if end == "honest" else _ended(end, request)
        if request.method == "GET":
            end = self.looks.pop(0) if self.looks else "honest"
            return self._respond(request, 200) if end == "honest" else _ended(end, request)
        return self._delete(request)

    def _delete(self, request: httpx.Request) -> httpx.Response:
        end, has_effect = self.attempts.pop(0) if self.attempts else ("honest", True)
        response = self._respond(request, 204) if end == "honest" else None
        if has_effect and self.is_there:
            self.is_there, self.is_deleted_by_us = False, True
        if end.startswith("401"):
            self.token = "503" if "no token" in end else "honest"
            end = "401"
        return response or _ended(end, request)

    def _respond(self, request: httpx.Request, status: int) -> httpx.Response:
        if not self.is_there:
            return httpx.Response(404, json={"code": 404, "message": "not found"})
        return httpx.Response(status, json={"id": "j1"} if status == 200 else None)


def _ended(end: str, request: httpx.Request) -> httpx.Response:
    match end:
        case "refused":
            raise httpx.ConnectError("refused", request=request)
        case "cut":
            raise httpx.RemoteProtocolError("cut", request=request)
        case "slow":
            raise httpx.ReadTimeout("slow", request=request)
        case "coded":
            raise httpx.RequestError("encoded", request=request)
        case "page" | "html 403":
            status = 403 if "403" in end else 502
            return httpx.Response(status, html="<html>", request=request)
        case "empty 404":
            return httpx.Response(404, request=request)
    return httpx.Response(int(end), json={"code": int(end), "message": "no"}, request=request)


async def deleted(flaky: Flaky) -> bool | EmporixError:
    """The result of the client, or the error it raises."""
    async with httpx.AsyncClient(base_url="http://emporix", transport=flaky) as http:
        client = EmporixClient(http, FakeTokens(), lambda: NOW)
        try:
            return await client.delete_job(connection(), "j1")
        except EmporixError as error:
            return error


@given(
    attempts=st.lists(ATTEMPTS, max_size=4),
    looks=st.lists(st.sampled_from(["honest", "503", "cut", "page", "empty 404"]), max_size=1),
)
@example(attempts=[("cut", True), ("refused", False), ("refused", False)], looks=["503"])
@example(attempts=[("cut", True), ("refused", False)], looks=[])
@example(attempts=[("500", True)], looks=[])
@example(attempts=[("503", True), ("429", False), ("429", False), ("429", False)], looks=["cut"])
@example(attempts=[("coded", True)], looks=["page"])
async def test_reports_the_true_result(attempts: list[tuple[str, bool]], looks: list[str]) -> None:
    """ "Deleted" is reported exactly if an attempt took effect, and "gone" or "failed" never if one
    did.
    """
    flaky = Flaky(list(attempts), list(looks))
    said = await deleted(flaky)
    if isinstance(said, EmporixError):
        assert said.may_have_worked or not flaky.is_deleted_by_us
        assert looks[:1] != ["honest"] or not flaky.is_deleted_by_us
    else:
        assert said is flaky.is_deleted_by_us is True


@given(attempts=st.lists(st.tuples(st.sampled_from(CERTAIN), st.just(False)), max_size=2))
async def test_does_not_claim_deletes_of_others(attempts: list[tuple[str, bool]]) -> None:
    """A job that was gone before does not count as deleted by us, whatever failed first."""
    said = await deleted(Flaky(list(attempts), is_there=False))
    assert said is False or isinstance(said, EmporixError)


@pytest.mark.parametrize("end", ["500", "503", "cut", "slow", "page", "408"])
async def test_looks_up_unknown_results(end: str) -> None:
    """After an unknown result the job is looked up, and a 404 means that it was deleted by us."""
    flaky = Flaky([(end, True), *[("refused", False)] * 3])
    assert await deleted(flaky) is True


async def test_a_job_that_still_exists_leaves_the_result_unknown() -> None:
    """The DELETE may still take effect, so the result stays unknown and is never reported as
    refused.
    """
    said = await deleted(Flaky([("cut", False), *[("refused", False)] * 3]))
    assert isinstance(said, EmporixError)
    assert said.may_have_worked
