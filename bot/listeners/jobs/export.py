"""Download export — sends the JSON of an export job to the user who clicked."""

from __future__ import annotations

import asyncio

from bot.domain.accounts import Account
from bot.rendering import buttons
from bot.rendering.agent_message import pretty_json_within
from bot.rendering.buttons import JobButton
from bot.services.exports import Exports
from bot.slack.conversations import Files, file_name
from bot.slack.decorators import action
from bot.slack.modals import Modal

MAX_INDENTED_CHARACTERS = 2_000_000
"""Longer exports are sent unformatted, because indenting this many characters takes a second."""


@action(buttons.JOBS_EXPORT_DOWNLOAD, at_once=True, audit=None)
async def download_export(
    button: JobButton, account: Account, exports: Exports, modal: Modal, files: Files
) -> None:
    await modal.open("loading", step="export")
    export = await exports.read(account, button.job_id, button.tenant)
    text = await asyncio.to_thread(pretty_json_within, export.json, MAX_INDENTED_CHARACTERS)
    url = await files.share(file_name("export", export.job_id, "json"), text)
    await modal.update("jobs/export", export=export, url=url)
