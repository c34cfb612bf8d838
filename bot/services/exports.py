"""Decodes the JSON that an export job carries as base64, and verifies its checksum."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from bot.domain.accounts import Account, require_connection
from bot.domain.jobs import ExportResult
from bot.emporix.client import EmporixClient
from bot.errors import ExportUnusable

ALGORITHMS = {"SHA-256": hashlib.sha256, "SHA-1": hashlib.sha1, "MD5": hashlib.md5}
"""Tried in turn, because Emporix does not document its algorithm; not used for security."""

EXPORT_FIELDS = ("exportResult",)


@dataclass(frozen=True, slots=True)
class Export:
    """The unchanged JSON of an export; `size` is in bytes.

    `checksum` is the one from Emporix. `verified_by` is the algorithm that reproduces it, or "".
    """

    job_id: str
    json: str
    size: int
    checksum: str
    verified_by: str


class Exports:
    """Reads the exports in a user's tenants."""

    def __init__(self, emporix: EmporixClient) -> None:
        self._emporix = emporix

    async def read(self, account: Account, job_id: str, tenant: str) -> Export:
        """Read the export of a job.

        Raises ExportUnusable, NotConnected, StoreUnavailable and EmporixError.
        """
        connection = require_connection(account, tenant)
        job = await self._emporix.get_job(connection, job_id, EXPORT_FIELDS)
        if job.export_result is None or not job.export_result.data.strip():
            raise _export_error("no_data", job_id, connection.tenant)
        # In a thread: decoding 10 MB takes tenths of a second.
        return await asyncio.to_thread(decode_export, job.export_result, job_id, connection.tenant)


def decode_export(result: ExportResult, job_id: str, tenant: str) -> Export:
    """Decode an export; raises ExportUnusable unless it is JSON in base64."""
    try:
        data = b64decode("".join(result.data.split()), validate=True)
    except ValueError as error:
        raise _export_error("base64", job_id, tenant, str(error)) from error
    try:
        text = data.decode("utf-8-sig")
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _export_error("json", job_id, tenant, str(error)) from error
    checksum = result.checksum.strip()
    return Export(job_id, text, len(data), checksum, _verified_by(checksum, data, result.data))


def _export_error(reason: str, job_id: str, tenant: str, message: str = "") -> ExportUnusable:
    error = ExportUnusable(message, tenant=tenant)
    error.reason, error.resource_id = reason, job_id
    return error


def _verified_by(checksum: str, data: bytes, base64: str) -> str:
    """The algorithm that produced the checksum; "" if none matches.

    Emporix: calculated from the JSON value. It does not say whether before or after base64.
    """
    if not checksum:
        return ""
    for name, algorithm in ALGORITHMS.items():
        for content in (data, base64.encode("utf-8", "replace")):
            digest = algorithm(content, usedforsecurity=False).digest()
            if checksum.lower() == digest.hex() or checksum.rstrip("=") in _in_base64(digest):
                return name
    return ""


def _in_base64(digest: bytes) -> Iterator[str]:
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(digest).decode().rstrip("=")


def _refuse_constant(name: str) -> NoReturn:
    """Reject NaN and Infinity, which Python accepts although JSON does not allow them."""
    raise ValueError(f"{name} isn't JSON")
