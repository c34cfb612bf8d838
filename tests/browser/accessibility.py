"""Accessibility checks of the page with axe-core."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe

from tests.browser.page_user import PageUser


async def axe_violations(user: PageUser) -> list[str]:
    """What it finds: controls without a name, letters without contrast, and the like."""
    found = (await Axe().run(user.page)).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]
