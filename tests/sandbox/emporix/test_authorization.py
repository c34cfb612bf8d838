"""Each call needs a valid token of the same tenant with the right scope."""

from __future__ import annotations

import httpx
import pytest

from sandbox.emporix.keys import ACME_NO_JOBS, ACME_OPERATIONS, ACME_READ_ONLY, GLOBEX_OPERATIONS
from sandbox.emporix.state import EmporixState
from tests.sandbox.emporix.conftest import Login, Time

JOBS = "/ai-service/acme/jobs"
INVALID = ("Invalid access token", "oauth.v2.InvalidAccessToken")
EXPIRED = ("Access Token expired", "keymanagement.service.access_token_expired")


def fault(answer: httpx.Response) -> tuple[str, str]:
    body = answer.json()["fault"]
    return body["faultstring"], body["detail"]["errorcode"]


@pytest.mark.parametrize("authorization", ["", "Bearer made-up", "Basic YTpi", "Bearer"])
async def test_unknown_token(emporix: httpx.AsyncClient, authorization: str) -> None:
    """A missing or unknown token is invalid."""
    headers = {"Authorization": authorization, "Emporix-Tenant": "acme"}
    answer = await emporix.get(JOBS, headers=headers)
    assert answer.status_code == 401
    assert fault(answer) == INVALID


async def test_tokens_expire_on_time(acme: httpx.AsyncClient, clock: Time) -> None:
    """A token works until its lifetime is over, and is then reported as expired."""
    clock.now += 14398
    assert (await acme.get(JOBS)).status_code == 200
    clock.now += 1
    answer = await acme.get(JOBS)
    assert (answer.status_code, fault(answer)) == (401, EXPIRED)


async def test_tokens_expire_on_order(
    acme: httpx.AsyncClient, emporix_state: EmporixState, login: Login
) -> None:
    """After `expire_tokens`, old tokens are refused and new ones are issued."""
    emporix_state.expire_tokens()
    assert fault(await acme.get(JOBS)) == EXPIRED
    assert (await acme.get(JOBS, headers=await login(ACME_OPERATIONS))).status_code == 200


async def test_a_revoked_key_invalidates_its_tokens(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """After an API key was deleted, its tokens are unknown, not just expired."""
    emporix_state.revoke(ACME_OPERATIONS)
    assert fault(await acme.get(JOBS)) == INVALID


@pytest.mark.parametrize(
    ("path", "header"),
    [("globex", "globex"), ("globex", "acme"), ("acme", "globex"), ("acme", ""), ("ACME", "acme")],
)
async def test_other_tenant(acme: httpx.AsyncClient, path: str, header: str) -> None:
    """Another tenant in the path or header, or no header, gets the response of a wrong token."""
    acme.headers["Emporix-Tenant"] = header
    if not header:
        del acme.headers["Emporix-Tenant"]
    answer = await acme.get(f"/ai-service/{path}/jobs")
    assert (answer.status_code, fault(answer)) == (401, INVALID)


async def test_scopes(
    emporix: httpx.AsyncClient, emporix_state: EmporixState, login: Login
) -> None:
    """Reading needs the read scope and deleting the manage scope; otherwise the response is 403."""
    job = emporix_state.add_job("acme")
    unrelated, reader = await login(ACME_NO_JOBS), await login(ACME_READ_ONLY)
    listed = await emporix.get(JOBS, headers=unrelated)
    deleted = await emporix.delete(f"{JOBS}/{job['id']}", headers=reader)
    assert (listed.status_code, deleted.status_code) == (403, 403)
    assert deleted.json()["status"] == "Forbidden"
    assert emporix_state.jobs("acme") == [job]


async def test_tenants_are_apart(
    emporix: httpx.AsyncClient, emporix_state: EmporixState, login: Login
) -> None:
    """A tenant's token can't access another tenant's job, even with its id."""
    job = emporix_state.add_job("acme")
    globex = await login(GLOBEX_OPERATIONS)
    answer = await emporix.get(f"/ai-service/globex/jobs/{job['id']}", headers=globex)
    assert answer.status_code == 404
