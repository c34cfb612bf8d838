"""Records as JSON: processes of an older and of a newer version read and save the same ones."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

SERIALIZERS: list[Serializer[Any]] = []
"""All that there are: what the app stores as JSON."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class InvalidRecord(Exception):
    """No record of its type. Its text names fields and never their values."""


class Serializer(Generic[T]):
    """Writes and reads the records of one type: a dataclass that is `Stored`, or some of them.

    `said_by_key` are the fields that the place of a record in Redis says already.
    """

    def __init__(self, type_: type[T], *said_by_key: str) -> None:
        self._adapter = TypeAdapter(type_)
        self.type, self.said_by_key = type_, set(said_by_key)
        SERIALIZERS.append(self)

    def write(self, record: T) -> str:
        facts = self._adapter.dump_python(record, mode="json", exclude=self.said_by_key or None)
        return _to_json(facts)

    def read(self, text: str, **said_by_key: Any) -> T:
        """The record in a text, with these fields; raises Unreadable."""
        try:
            facts = json.loads(text)
            return self._adapter.validate_python({**facts, **said_by_key} if said_by_key else facts)
        except ValidationError as error:
            # The error's own text quotes values, which may be secrets.
            places = {".".join(map(str, one["loc"][:2])) for one in error.errors()}
            raise InvalidRecord(f"not understood: {', '.join(sorted(places))}") from None
        except (ValueError, TypeError, RecursionError):
            raise InvalidRecord("no JSON of a record") from None
