"""The running demo, and a browser that shows its page."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from sandbox.page.routes import PageRoutes
from sandbox.stack import Stack, running_stack
from tests.browser.page_user import PageUser

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW = {"width": 1280, "height": 800}
TIMEOUT_MS = 15_000  # milliseconds; a machine that runs other tests beside these is slow
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium. Without one, the tests are skipped with a message."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        pytest.skip("no Chromium: install Debian's `chromium`, or set CHROMIUM to its path")
    return found


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A demo on its own ports, in an empty folder; Ada is connected to acme."""
    async with running_stack(tmp_path_factory.mktemp("demo"), page=PageRoutes) as stack:
        yield stack


@dataclass
class WatchedPage:
    """Records errors in the browser, and requests to other hosts."""

    host: str
    wrong: list[str] = field(default_factory=list)

    async def watch(self, context: BrowserContext) -> None:
        context.on("console", self._record_error)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        context.on("request", self._record_request)

    def _record_error(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type}: {message.text}")

    def _record_request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.hostname != self.host:
            self.wrong.append(f"asked {request.url}")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield http


@asynccontextmanager
async def page_user_at(
    browser: Browser, http: httpx.AsyncClient, slack_url: str, **window: Any
) -> AsyncIterator[PageUser]:
    """Yield a new user of the page, and assert that no error occurred."""
    context = await browser.new_context(**({"viewport": WINDOW} | window))
    context.set_default_timeout(TIMEOUT_MS)
    watched = WatchedPage(str(urlsplit(slack_url).hostname))
    await watched.watch(context)
    user = PageUser(await context.new_page(), http, slack_url)
    await user.open()
    yield user
    await context.close()
    assert watched.wrong == []


@pytest.fixture
async def user(
    request: pytest.FixtureRequest, browser: Browser, stack: Stack, http: httpx.AsyncClient
) -> AsyncIterator[PageUser]:
    """A user of an empty demo workspace.

    A test can set the window's options: `@pytest.mark.parametrize("user", [{…}], indirect=True)`.
    """
    await http.post(f"{stack.slack_url}/sandbox/forget")
    async with page_user_at(
        browser, http, stack.slack_url, **getattr(request, "param", {})
    ) as user:
        yield user


@pytest.fixture
async def slow_deletes(stack: Stack, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Delay each delete of Emporix, so that a clean-up's progress can be seen and stopped."""
    faults = f"{stack.emporix_url}/sandbox/faults"
    order = {"kind": "delay", "method": "DELETE", "seconds": 0.1, "times": 5_000}
    (await http.post(faults, json=order)).raise_for_status()
    yield
    await http.delete(faults)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder of the screenshots; without SCREENSHOTS, the tests are skipped."""
    if "SCREENSHOTS" not in os.environ:
        pytest.skip("screenshots are taken by `make screenshots`")
    return Path(os.environ["SCREENSHOTS"])
