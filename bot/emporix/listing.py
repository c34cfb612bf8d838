"""A page of jobs: how it is asked for, and what came."""

from __future__ import annotations

import re
from collections.abc import Iterable

import httpx

from bot.emporix.models import LIST_FIELDS, JobPage
from bot.emporix.payloads import decode
from bot.models import Filters

MAX_PAGE_SIZE = 50
"""Emporix documents no maximum; this one keeps a page far below 10 MB."""

TOTAL = re.compile(r"[0-9]{1,15}")


def list_params(filters: Filters) -> dict[str, str]:
    """Paging, order and fields: Emporix documents no default for any of them, so all are sent."""
    page, size = _page_and_size(filters)
    return {
        "pageSize": str(size),
        "pageNumber": str(page),
        "sort": filters.sort,
        "fields": with_id(filters.fields or LIST_FIELDS),
    }


def with_id(fields: Iterable[str]) -> str:
    """`fields` as Emporix reads them, the id first: nothing can be done with a job without it."""
    return ",".join(dict.fromkeys(["id", *filter(None, fields)]))


def page(response: httpx.Response, filters: Filters) -> JobPage:
    """Raises ValueError where the body is not an array of objects.

    Emporix: the total comes in a header, and only when asked for.
    """
    number, size = _page_and_size(filters)
    total = response.headers.get("X-Total-Count", "")
    return JobPage.from_json(
        decode(response.content),
        page=number,
        size=size,
        total=int(total) if TOTAL.fullmatch(total) else None,
    )


def _page_and_size(filters: Filters) -> tuple[int, int]:
    return max(1, filters.page), min(max(1, filters.size), MAX_PAGE_SIZE)
