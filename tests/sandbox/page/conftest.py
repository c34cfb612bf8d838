"""The page with the stand-in Slack and its fake bot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.page.routes import PageRoutes
from sandbox.slack.app import create_app
from sandbox.slack.exchange import tls
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import (  # noqa: F401 - fixtures
    Address,
    bot,
    bot_address,
    clock,
    slack_address,
    workspace,
)


@pytest.fixture
def page_routes(workspace: Workspace) -> PageRoutes:  # noqa: F811
    return PageRoutes(workspace)


@pytest.fixture
async def page(
    workspace: Workspace,  # noqa: F811
    page_routes: PageRoutes,
    slack_address: Address,  # noqa: F811
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the page."""
    slack_address.swappable.app = create_app(workspace, page_routes.routes())
    async with httpx.AsyncClient(verify=tls(), base_url=slack_address.url, trust_env=False) as http:
        yield http
    page_routes.close()
