"""The page over the stand-in Slack and its fake bot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.page.routes import Door
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
def door(workspace: Workspace) -> Door:  # noqa: F811
    return Door(workspace)


@pytest.fixture
async def page(
    workspace: Workspace,  # noqa: F811
    door: Door,
    slack_address: Address,  # noqa: F811
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen."""
    slack_address.stage.app = create_app(workspace, door.routes())
    async with httpx.AsyncClient(verify=tls(), base_url=slack_address.url, trust_env=False) as http:
        yield http
    door.close()
