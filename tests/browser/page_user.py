"""A user of the page in a browser: actions, and conditions to wait for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import httpx
from playwright.async_api import Locator, Page, expect

from sandbox.slack.person import Person

_JOB_ID = re.compile(r"`([0-9a-f]{24})`")


@dataclass(frozen=True, slots=True)
class PageUser:
    """A user with a browser's `page`; `person` acts in the same workspace without it."""

    page: Page
    http: httpx.AsyncClient
    slack_url: str

    async def open(self, user: str = "ada", channel: str = "general") -> None:
        await self.page.goto(f"{self.slack_url}/page/{user}/{channel}")
        await expect(self.messages.first).to_be_visible()

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Message or command")

    @property
    def messages(self) -> Locator:
        return self.page.locator("#messages > li")

    @property
    def last(self) -> Locator:
        """The newest message."""
        return self.messages.last

    @property
    def modal(self) -> Locator:
        return self.page.locator("#modal")

    @property
    def question(self) -> Locator:
        """The confirm dialog."""
        return self.page.locator("#confirm")

    def button(self, label: str) -> Locator:
        """Return the first button with this text in the newest message.

        Its accessible name may be longer.
        """
        text = re.compile(rf"^\s*{re.escape(label)}\s*$")
        return self.last.get_by_role("button").filter(has_text=text).first

    async def type(self, line: str, *, answer: str) -> None:
        """Send a line, and wait until the newest message contains the answer."""
        await self.field.fill(line)
        await self.field.press("Enter")
        await self.sees(answer)

    async def press(self, label: str, *, answer: str = "") -> None:
        await self.button(label).click()
        if answer:
            await self.sees(answer)

    async def opens_job(self) -> None:
        """Open the first job of the newest message, in a modal."""
        await self.button("Open").click()
        await expect(self.modal).to_contain_text("Open in Emporix")

    def modal_button(self, label: str) -> Locator:
        return self.modal.get_by_role("button", name=label, exact=True).first

    async def sees(self, words: str) -> None:
        """Wait until the newest message contains these words."""
        await expect(self.last).to_contain_text(words)

    async def chooses(self, shortcut: str, message: Locator | None = None) -> None:
        """Choose a shortcut from the menu of a message or of the message field."""
        if message:
            await message.hover()
            await message.get_by_role("button", name="Message shortcuts").first.click()
            await self.page.get_by_role("menuitem", name="More message shortcuts").click()
        else:
            await self.page.get_by_role("button", name="Shortcuts", exact=True).click()
        await self.page.get_by_role("menuitem", name=shortcut).click()

    async def leaves(self) -> None:
        """Close all open views with the ×."""
        await self.modal.get_by_role("button", name="Close").first.click()
        await expect(self.modal).to_be_hidden()

    async def job_ids(self, command: str) -> list[str]:
        """Return the ids of the jobs that a command lists, without using the page."""
        exchange = await self.person("ada", "ops").command(f"{command} fields:id")
        return list(dict.fromkeys(_JOB_ID.findall(json.dumps(exchange.payloads))))

    async def become(self, name: str) -> None:
        await self.page.get_by_role("link", name=name).click()
        await expect(self.page.get_by_role("link", name=name)).to_have_attribute(
            "aria-current", "true"
        )

    def person(self, user: str, channel: str = "general") -> Person:
        return Person(self.http, self.slack_url, user, channel)
