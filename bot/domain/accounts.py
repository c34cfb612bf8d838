"""Users, their connections to Emporix tenants, and the audiences of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.records import StoredRecord
from bot.errors import NotConnected

READ_SCOPE = "ai.agent_read"
DELETE_SCOPE = "ai.agent_manage"
"""Also lets its holder change and pause agents."""

RUN_SCOPE = "ai.agentexecution_manage"
"""Lets its holder start an agent."""

OWNER_GONE = "owner_gone"
"""Reason for pausing or stopping scheduled tasks: their owner has left the workspace."""

READ_SCOPES, DELETE_SCOPES = READ_SCOPE, f"{READ_SCOPE} {DELETE_SCOPE}"
RUN_SCOPES = f"{READ_SCOPE} {RUN_SCOPE}"
ACTION_SCOPES = f"{DELETE_SCOPES} {RUN_SCOPE}"
"""Scopes for token requests. An API key may allow more; most tokens need only the read scope."""


@dataclass(frozen=True, slots=True)
class Caller(StoredRecord):
    """A Slack user in a workspace; `enterprise_id` is empty outside an Enterprise Grid."""

    team_id: str
    user_id: str
    enterprise_id: str = ""


@dataclass(frozen=True, slots=True)
class Credentials(StoredRecord):
    """An Emporix API key, used to request access tokens."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token(StoredRecord):
    """An access token; `expires_at` is in seconds since 1970."""

    value: str = field(repr=False)
    expires_at: float
    scopes: frozenset[str] = frozenset()
    tenant: str = ""
    """The tenant of the API key, as spelled by Emporix; empty if Emporix didn't return it."""


@dataclass(frozen=True, slots=True)
class Connection(StoredRecord):
    """One user's access to one tenant; `connected_at` is in seconds since 1970.

    `allows_actions`: the user allowed agent actions when connecting.
    """

    caller: Caller
    tenant: str
    credentials: Credentials
    scopes: frozenset[str]
    connected_at: float
    token: Token | None = None
    allows_actions: bool = False

    @property
    def can_delete(self) -> bool:
        return DELETE_SCOPE in self.scopes

    def may(self, scope: str) -> bool:
        """Whether agent actions that need `scope` (RUN_SCOPE or DELETE_SCOPE) are allowed."""
        return self.allows_actions and scope in self.scopes

    @property
    def can_run(self) -> bool:
        return self.may(RUN_SCOPE)

    @property
    def can_pause(self) -> bool:
        return self.may(DELETE_SCOPE)


@dataclass(frozen=True, slots=True)
class Account:
    """A user's connections by tenant, and the default tenant for commands that don't name one.

    `time_zone` is the IANA name cached from Slack; "" if there is none.
    """

    caller: Caller
    connections: Mapping[str, Connection] = field(default_factory=dict)
    default_tenant: str = ""
    time_zone: str = ""

    def may(self, scope: str, tenant: str) -> bool:
        """Whether the user allowed agent actions that need `scope` in a tenant."""
        connection = self.connections.get(tenant)
        return connection is not None and connection.may(scope)


@dataclass(frozen=True, slots=True)
class PolledConnection:
    """A user's connection to a tenant, polled once for all of its alerts or watches."""

    owner: Caller
    tenant: str

    @property
    def name(self) -> str:
        """The name in Redis; only its last part, the tenant, may contain a colon."""
        owner = self.owner
        return f"{owner.enterprise_id}:{owner.team_id}:{owner.user_id}:{self.tenant}"

    @classmethod
    def parse(cls, name: str) -> PolledConnection:
        """Parse a name; raises ValueError if it isn't the name of a connection."""
        enterprise_id, team_id, user_id, tenant = name.split(":", 3)
        return cls(Caller(team_id, user_id, enterprise_id), tenant)


def require_connection(account: Account, tenant: str = "") -> Connection:
    """Return the connection to a tenant, or to the default one; raises NotConnected."""
    name = tenant or account.default_tenant or next(iter(account.connections), "")
    if name not in account.connections:
        raise NotConnected(name, tuple(account.connections))
    return account.connections[name]


@dataclass(frozen=True, slots=True)
class Audience(StoredRecord):
    """The people who can read a channel.

    `is_known` is False if they can't be determined; `error_code` is then Slack's error code.
    `has_outsiders` means that people from other organizations are members, `is_archived` that the
    channel accepts no messages, and `is_direct` that it is a direct message.
    """

    channel_id: str
    is_known: bool = True
    has_outsiders: bool = False
    is_direct: bool = False
    is_archived: bool = False
    error_code: str = ""
