"""Tokens are issued for valid API keys, with their tenant and scopes."""

from __future__ import annotations

import httpx
import pytest

from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY, Key
from sandbox.emporix.state import EmporixState


def form(key: Key, **changed: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": key.client_id,
        "client_secret": key.client_secret,
    } | changed


async def test_answer_names_tenant_and_scopes(emporix: httpx.AsyncClient) -> None:
    """A valid API key gets a bearer token for four hours, with its tenant among the scopes."""
    answer = await emporix.post("/oauth/token", data=form(ACME_OPERATIONS))
    token = answer.json()
    assert answer.status_code == 200
    scopes = ["ai.agent_manage", "ai.agent_read", "ai.agentexecution_manage"]
    assert token["scope"].split() == ["tenant=acme", *scopes]
    assert (token["expires_in"], token["token_type"]) == (14399, "Bearer")
    assert token["access_token"]


async def test_scopes_the_key_lacks_are_left_out(emporix: httpx.AsyncClient) -> None:
    """Requesting more scopes than the key has isn't an error; the extra ones are dropped."""
    wished = form(ACME_READ_ONLY, scope="tenant=globex ai.agent_read ai.agent_manage")
    answer = await emporix.post("/oauth/token", data=wished)
    assert answer.status_code == 200
    assert answer.json()["scope"] == "tenant=acme ai.agent_read"


@pytest.mark.parametrize("wrong", [{"client_secret": "guess"}, {"client_id": "nobody"}])
async def test_wrong_key_is_refused(emporix: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    """A wrong id or secret is a 401 with a gateway error."""
    answer = await emporix.post("/oauth/token", data=form(ACME_OPERATIONS, **wrong))
    assert answer.status_code == 401
    assert answer.json()["fault"]["detail"]["errorcode"].startswith("oauth.v2.")


async def test_only_client_credentials_as_a_form(emporix: httpx.AsyncClient) -> None:
    """Another grant type, or JSON instead of a form, is a 400."""
    other = await emporix.post("/oauth/token", data=form(ACME_OPERATIONS, grant_type="password"))
    as_json = await emporix.post("/oauth/token", json=form(ACME_OPERATIONS))
    assert (other.status_code, as_json.status_code) == (400, 400)
    assert other.json()["details"] == ["grant_type must be client_credentials"]


async def test_revoked_key_gets_no_token(
    emporix: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """A deleted key's secret stops working at once."""
    emporix_state.revoke(ACME_OPERATIONS)
    answer = await emporix.post("/oauth/token", data=form(ACME_OPERATIONS))
    assert answer.status_code == 401
