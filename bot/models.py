"""The facts that every room speaks about: who acts, on which connection, and what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

READ_SCOPE = "ai.agent_read"
DELETE_SCOPE = "ai.agent_manage"


@dataclass(frozen=True, slots=True)
class Caller:
    """A Slack user in a workspace; `enterprise_id` is empty outside an Enterprise Grid."""

    team_id: str
    user_id: str
    enterprise_id: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Emporix API key: what a token is asked with."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `expires_at` in seconds since 1970."""

    value: str = field(repr=False)
    expires_at: float
    scopes: frozenset[str] = frozenset()
    tenant: str = ""
    """The tenant the key is bound to, as Emporix names it; empty where it did not say."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One user's access to one tenant; `connected_at` in seconds since 1970."""

    caller: Caller
    tenant: str
    credentials: Credentials
    scopes: frozenset[str]
    connected_at: float
    token: Token | None = None

    @property
    def can_delete(self) -> bool:
        return DELETE_SCOPE in self.scopes


@dataclass(frozen=True, slots=True)
class Account:
    """All connections of one user by tenant, and the tenant used when none is named."""

    caller: Caller
    connections: Mapping[str, Connection] = field(default_factory=dict)
    default_tenant: str = ""


NEWEST_FIRST = "metadata.createdAt:DESC"
DEFAULT_PAGE_SIZE = 10


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody asked to see, in our words.

    `statuses`, `types` and `agents` hold alternatives (any of them), as Emporix spells them;
    `words` are phrases that the agent message must all contain; `raw_q` is passed on as it is and
    stands alone. An empty `fields` means all that a list shows; `page` counts from 1.
    """

    words: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    raw_q: str = ""
    tenant: str = ""
    sort: str = NEWEST_FIRST
    page: int = 1
    size: int = DEFAULT_PAGE_SIZE
    fields: tuple[str, ...] = ()
