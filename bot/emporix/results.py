"""What an import or an export job brought about."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.emporix.payloads import fields, items, text

FAILED = "FAILED"
MOST_ENTITIES, MOST_REASONS = 1000, 20
IMPORTED_KINDS = {"agents": "agent", "tools": "tool", "mcpServers": "MCP server"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entity is in its state: a code, Emporix's own words, and what they are about."""

    code: str = ""
    message: str = ""
    about: str = ""

    @classmethod
    def from_json(cls, value: object) -> Reason:
        if not isinstance(value, dict):
            return cls(message=text(value))
        about = text(value.get("objectName")) or text(value.get("objectId"))
        return cls(text(value.get("code")).upper(), text(value.get("message")), about)


@dataclass(frozen=True, slots=True)
class ImportedEntity:
    """One thing that an import touched; `kind` is "agent", "tool" or "MCP server".

    `state` as Emporix spells it (`ENABLED`, `FAILED`, …); `details` says why, and `left_out` counts
    the reasons beyond the first 20.
    """

    kind: str
    id: str = ""
    name: str = ""
    state: str = ""
    details: tuple[Reason, ...] = ()
    left_out: int = 0

    @classmethod
    def from_json(cls, kind: str, value: object) -> ImportedEntity:
        entity = fields(value)
        given = items(entity.get("details"))
        details = map(Reason.from_json, given[:MOST_REASONS])
        return cls(
            kind=kind,
            id=text(entity.get("id")),
            name=text(entity.get("name")),
            state=text(entity.get("state")).upper(),
            details=tuple(detail for detail in details if detail != Reason()),
            left_out=max(0, len(given) - MOST_REASONS),
        )


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; a job that succeeded can still hold entities that failed.

    At most 1,000 `entities`, failures first; `left_out` counts the others.
    """

    message: str = ""
    entities: tuple[ImportedEntity, ...] = ()
    left_out: int = 0

    @classmethod
    def from_json(cls, value: dict[str, object]) -> ImportResult:
        summary = fields(value.get("summary"))
        given = [
            (kind, one) for name, kind in IMPORTED_KINDS.items() for one in items(summary.get(name))
        ]
        if len(given) > MOST_ENTITIES:
            given.sort(key=lambda pair: fields(pair[1]).get("state") != FAILED)
        entities = tuple(ImportedEntity.from_json(*pair) for pair in given[:MOST_ENTITIES])
        return cls(text(value.get("message")), entities, len(given) - len(entities))

    @property
    def worst_first(self) -> tuple[ImportedEntity, ...]:
        """Failures, then the rest, each in Emporix's order."""
        return tuple(sorted(self.entities, key=lambda entity: entity.state != FAILED))


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Exported agents: `data` is base64 of JSON; the algorithm of `checksum` is not documented."""

    data: str = field(default="", repr=False)
    checksum: str = ""

    @classmethod
    def from_json(cls, value: dict[str, object]) -> ExportResult:
        return cls(text(value.get("data")), text(value.get("checksum")))
