"""Accessibility checks of the page with axe-core."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe

from tests.browser.page_user import PageUser


async def axe_violations(user: PageUser) -> list[str]:
    """Violations that axe finds, such as controls without a name or too little contrast."""
    found = (await Axe().run(user.page)).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]
