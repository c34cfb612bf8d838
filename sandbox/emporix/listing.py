"""Pagination, sorting and field selection from the query string of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.emporix.errors import bad_request
from sandbox.emporix.json_paths import Document, picked
from sandbox.emporix.query import Malformed, matching
from sandbox.emporix.tenant import NEWEST_FIRST, Collection, Order

PATH = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
LARGEST_PAGE = 1000
DEFAULT_SIZE = 60  # Emporix: the default order is not documented


@dataclass(frozen=True, slots=True)
class Listing:
    """A requested list. `page` counts from 1; no `fields` means all fields."""

    q: str
    page: int
    size: int
    order: Order
    fields: tuple[str, ...]

    def of(self, collection: Collection) -> tuple[list[Document], int]:
        """Return one page and the total number of matching documents."""
        found = self._matching(collection)
        start = (self.page - 1) * self.size
        shown = found[start : start + self.size]
        if self.fields:
            shown = [picked(document, self.fields) for document in shown]
        return shown, len(found)

    def _matching(self, collection: Collection) -> list[Document]:
        try:
            return matching(collection.sorted(self.order), self.q)
        except Malformed as problem:
            raise bad_request(
                "Query parameter q is not valid.", [{"field": "q", "message": str(problem)}]
            ) from problem


def listing(parameters: Mapping[str, str], q: str) -> Listing:
    """Parse the parameters of a query string. Invalid values are refused with a 400."""
    return Listing(
        q=q,
        page=_page(parameters.get("pageNumber", "1")),
        size=_size(parameters.get("pageSize", str(DEFAULT_SIZE))),
        order=_order(parameters.get("sort", "")),
        fields=chosen_fields(parameters),
    )


def chosen_fields(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the dotted paths in `fields`; empty means all."""
    text = parameters.get("fields", "")
    paths = tuple(text.split(",")) if text else ()
    if not all(PATH.fullmatch(path) for path in paths):
        raise bad_request("Parameter fields is not a list of fields.", [])
    return paths


def _page(text: str) -> int:
    if not NUMBER.fullmatch(text) or int(text) < 1:
        problem = {"field": "pageNumber", "message": "must be a number of at least 1"}
        raise bad_request("Validation problem with request parameters.", [problem])
    return int(text)


def _size(text: str) -> int:
    if not NUMBER.fullmatch(text) or not 1 <= int(text) <= LARGEST_PAGE:
        problem = f"pageSize must be a number from 1 to {LARGEST_PAGE}"
        raise bad_request("Validation problem with request parameters.", [problem])
    return int(text)


def _order(text: str) -> Order:
    if not text:
        return NEWEST_FIRST
    return tuple(_direction(item) for item in text.split(","))


def _direction(text: str) -> tuple[str, bool]:
    path, _, direction = text.partition(":")
    if not PATH.fullmatch(path) or direction not in ("ASC", "DESC"):
        raise bad_request("Parameter sort must be field:ASC or field:DESC.")
    return path, direction == "DESC"
