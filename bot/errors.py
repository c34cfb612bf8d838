"""All exceptions of the app. Users see an explanation of each BotError, rendered by a template.
    BotError
    ├── UnknownCommand          the text is not a command
    ├── InvalidInput            an invalid value
    │   └── LimitReached        the maximum of digests, alerts, clean-ups or posts is reached
    ├── CredentialsTyped        a secret was typed into a command
    ├── NotConnected            no connection to that tenant, or to any
    ├── MissingScope            the connection lacks a permission
    ├── DeletesOff              the operator does not allow this kind of delete
    ├── ActionsOff              the operator does not allow agent actions
    ├── ActionNotAllowed        the user did not allow agent actions, or the key lacks the scope
    ├── OutdatedButton          a button of an older version, or whose list has expired
    ├── Busy                    too much work is waiting
    ├── TriggerExpired          a modal could not be opened in time
    ├── SlackFailed             Slack rejected a call, or did not answer it
    ├── FileRefused             Slack does not let this app share a file
    ├── ConnectRefused          an API key that cannot be used
    ├── ShareRefused            the content may not be shown to everyone in the channel
    ├── NotInChannel            the user is not a member of the channel
    ├── NotOurs                 a request from another workspace, app or organization
    ├── AdminsOnly              only administrators of the workspace may do this
    ├── NoSuchDigest            the channel has no digest with that name
    ├── DigestRefused           a digest cannot be posted to that channel
    ├── StoreUnavailable        Redis does not answer
    │   ├── RecordUnreadable    a record can't be decrypted, so it was not replaced
    │   └── ActionUnclear       the same during an agent action, which may still be carried out
    └── EmporixError
        ├── EmporixUnreachable  no connection, or not in time
        ├── EmporixTimeout      connected, but no complete response in time
        ├── EmporixUnreadable   an empty, truncated or malformed response
        │   ├── EmporixTooLarge the response is larger than this app reads
        │   └── ProxyAnswered   a response from something else, such as an HTML page
        ├── InvalidRequest      400 or 422, with Emporix's own text
        ├── Unauthorized        401: the key or the token is not accepted
        ├── Forbidden           403
        ├── NotFound            404
        ├── RateLimited         429, or a quota fault
        ├── ExportUnusable      the result of an export job is not a file
        ├── TokenRefused        the token endpoint does not accept this kind of request
        └── EmporixFailed       5xx, and 4xx that don't prove a refusal
            └── EmporixRefused  every other 4xx of Emporix itself
    InvalidSettings             the app cannot start; for its operator
    RetryLater                  raised by a task to run again later

The template of a BotError is `errors/<template>.json.j2`; it gets the exception as `error`.

Attributes of the Emporix errors; `bot.emporix.errors` maps responses to them:

| error | cause | is_temporary | pauses | may_have_worked |
| --- | --- | --- | --- | --- |
| EmporixUnreachable | network | yes | | no |
| EmporixTimeout | emporix | yes | | yes |
| EmporixUnreadable, EmporixTooLarge | network | yes | | yes |
| ProxyAnswered | proxy | yes | | yes |
| InvalidRequest | request | no | filters | no |
| Unauthorized, Forbidden | key | no | connection | no |
| NotFound, ExportUnusable | request | no | | no |
| RateLimited | emporix | yes | | no |
| EmporixFailed | emporix | yes | | yes |
| EmporixRefused | emporix | yes | | no |
| TokenRefused | emporix | yes | | no |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal


class InvalidSettings(Exception):
    """Invalid settings; `problems` maps names to explanations that never contain a value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = [f"  {name} {problem}" for name, problem in problems.items()]
        super().__init__(
            "\n".join(["Invalid settings (each is explained in .env.example):", *lines])
        )
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Proposal:
    """A command that the user probably meant: `line` is the text after /emporix.

    `label` is the text of its button; without one, the button shows the line.
    """

    line: str
    label: str = ""


class BotError(Exception):
    """An error that can be explained to the user.

    `is_temporary` means that the same action may succeed a little later. `pauses` says why
    scheduled work pauses after this error: "filters" or "connection", or "" if it doesn't.
    `proposals` become buttons below the message, which run the commands.
    """

    template: ClassVar[str]
    proposals: tuple[Proposal, ...] = ()
    is_temporary: ClassVar[bool] = False
    pauses: ClassVar[Literal["", "filters", "connection"]] = ""

    def surround_proposals(self, before: str, after: str = "") -> None:
        """Complete the proposals with the text before and after them."""
        self.proposals = tuple(
            replace(proposal, line=f"{before}{proposal.line}{after}") for proposal in self.proposals
        )


class UnknownCommand(BotError):
    """`text` is the input after /emporix; `topics` are the help topics if it asked for help."""

    template = "not_understood"

    def __init__(
        self, text: str, proposals: tuple[Proposal, ...] = (), topics: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{len(proposals)} proposals")  # the text may be a secret: don't log it
        self.text, self.proposals, self.topics = text, proposals, topics


class InvalidInput(BotError):
    """`problem` describes the error in `value`, and `advice` says what to enter instead.

    `field` is the form field that contains it. At first, the lines of `proposals` are values that
    could replace `value`; the parser and the dispatcher turn them into commands.
    """

    template = "invalid_input"
    pauses: ClassVar[Literal["", "filters", "connection"]] = "filters"

    def __init__(
        self,
        problem: str,
        value: str = "",
        advice: str = "",
        *,
        field: str = "",
        proposals: tuple[Proposal, ...] = (),
    ) -> None:
        super().__init__(problem)
        self.problem, self.value, self.advice, self.field = problem, value, advice, field
        self.proposals = proposals


class LimitReached(InvalidInput):
    """There are already `most` of `what` (digests, alerts, clean-ups, posts); nothing was changed.

    `scope` is what the limit applies to: channel, person, workspace or digest. `seconds` is the
    time until another one is possible, 0 if others must be deleted first.
    """

    pauses: ClassVar[Literal["", "filters", "connection"]] = ""

    def __init__(self, what: str, scope: str, most: int, seconds: int = 0) -> None:
        problem, advice = LIMIT_TEXTS[what, scope]
        super().__init__(
            problem.format(most=f"{most:,}"), advice=advice.format(again=_duration(seconds))
        )
        self.what, self.scope, self.most, self.seconds = what, scope, most, seconds


LIMIT_TEXTS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("digests", "channel"): (
        "This channel has {most} digests, which is the limit",
        "Delete one first: /emporix digest list shows them.",
    ),
    ("digests", "person"): (
        "You own {most} digests, which is the limit for one person",
        "Delete one first, or let someone else take one over: my Home tab shows yours.",
    ),
    ("digests", "workspace"): (
        "This workspace has {most} digests, which is the limit",
        "Delete some that are not needed: /emporix digest list shows those of a channel.",
    ),
    ("alerts", "channel"): (
        "This channel has {most} alerts, which is the limit",
        "Turn one off first: /emporix alerts list shows them.",
    ),
    ("alerts", "person"): (
        "You own {most} alerts, which is the limit for one person",
        "Turn one off first, or let someone else take one over: my Home tab shows yours.",
    ),
    ("alerts", "workspace"): (
        "This workspace has {most} alerts, which is the limit",
        "Turn off some that are not needed: /emporix alerts list shows those of a channel.",
    ),
    ("posts", "digest"): (
        "This digest was posted on request {most} times within an hour, which is the limit",
        "You can post it again in {again}.",
    ),
    ("clean-ups", "person"): (
        "You started {most} clean-ups within 24 hours, which is the limit",
        "You can start the next one in {again}.",
    ),
}
"""Problem and advice for each limit."""


def _duration(seconds: int) -> str:
    """Round up, so that the action is possible after that time."""
    minutes = max(1, -(-seconds // 60))
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = -(-minutes // 60)
    return "1 hour" if hours == 1 else f"{hours} hours"


class CredentialsTyped(BotError):
    """A possible secret was typed into a command; it isn't repeated."""

    template = "credentials_typed"


class NotConnected(BotError):
    """`tenant` is empty if the user has no connection at all; `connected` are other tenants.

    `shared_by`: the user who shared the jobs of the clicked button, or "".
    `to_leave`: the user wants to disconnect it, so a new connection does not help.
    """

    template = "not_connected"
    pauses = "connection"

    def __init__(
        self, tenant: str = "", connected: tuple[str, ...] = (), *, to_leave: bool = False
    ) -> None:
        # The text typed as a tenant may be a secret: log only the connected tenants.
        super().__init__(f"connected to {', '.join(connected) or 'no tenant'}")
        self.tenant, self.connected, self.to_leave = tenant, connected, to_leave
        self.shared_by = ""


class MissingScope(BotError):
    """The connection to `tenant` lacks `scope`."""

    template = "missing_scope"
    pauses = "connection"

    def __init__(self, tenant: str, scope: str) -> None:
        super().__init__(f"{scope} on {tenant}")
        self.tenant, self.scope = tenant, scope


class DeletesOff(BotError):
    """The operator has disabled this kind of delete; nothing was deleted.

    `kind` is deletes or clean-ups.
    """

    template = "deletes_off"

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class ActionsOff(BotError):
    """The operator has disabled agent actions; nothing was changed."""

    template = "actions_off"


class ActionNotAllowed(BotError):
    """The user did not allow agent actions in `tenant`, or the API key lacks `scope`."""

    template = "action_not_allowed"

    def __init__(self, tenant: str, scope: str) -> None:
        super().__init__(f"{scope} on {tenant}")
        self.tenant, self.scope = tenant, scope


class OutdatedButton(BotError):
    """The button has too little data to act on; `command` is the command to use instead.

    `query` is the short form of the list that it belongs to, empty if unknown.
    """

    template = "outdated_button"

    def __init__(self, command: str = "/emporix jobs", query: str = "") -> None:
        super().__init__(command)
        self.command, self.query = command, query


class Busy(BotError):
    """This process has reached its limit for waiting work; nothing was started."""

    template = "busy"
    is_temporary = True


class AnswerLost(BotError):
    """Slack repeated a submission, because the answer to it was lost; nothing more was done."""

    template = "answer_lost"


class TriggerExpired(BotError):
    """The 3 s that Slack allows for opening a modal had passed; nothing was changed."""

    template = "trigger_expired"


class SlackFailed(BotError):
    """Slack rejected a request; the fields are those of `bot.slack.errors.Refusal`.

    `reference` identifies the error in the log.
    """

    template = "slack_failed"

    def __init__(self, kind: str, reason: str, seconds: float, about: str, reference: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind, self.reason, self.seconds, self.about = kind, reason, seconds, about
        self.reference = reference


class FileRefused(BotError):
    """Slack doesn't let the app share a file; `reason` is Slack's error code."""

    template = "file_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConnectRefused(BotError):
    """An API key can't be connected; nothing was stored.

    `reason` is tenant_name, credentials, other_tenant (`key_tenant` says which), no_read_scope or
    no_access.
    """

    template = "connect_refused"

    def __init__(self, reason: str, tenant: str = "", key_tenant: str = "") -> None:
        super().__init__(reason)
        self.reason, self.tenant, self.key_tenant = reason, tenant, key_tenant


class ShareRefused(BotError):
    """The content can't be shown in the channel; nothing was posted.

    `reason` is outsiders (members of other organizations), unknown (the readers can't be
    determined), direct (not a channel) or not_member (the app can't post there).
    """

    template = "share_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotInChannel(BotError):
    """The user acts on a channel without being a member.

    `known` is False if the app can't see the channel's members.
    """

    template = "not_in_channel"

    def __init__(self, channel_id: str, *, known: bool = True) -> None:
        super().__init__(channel_id)
        self.channel_id, self.known = channel_id, known


class NotOurs(BotError):
    """The app doesn't answer this request; nothing was read or stored for it.

    `reason` is team (another workspace), app (another app), outsider (a person of another
    organization), member (such a person, who may do other things) or unknown (Slack doesn't say
    which workspace is ours).
    """

    template = "not_ours"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AdminsOnly(BotError):
    """The user isn't an administrator of the workspace."""

    template = "admins_only"


class StoreUnavailable(BotError):
    """Redis didn't answer."""

    template = "store_unavailable"
    is_temporary = True


class RecordUnreadable(StoreUnavailable):
    """A record can't be decrypted, so it was not replaced: its work may not be finished."""


class ActionUnclear(StoreUnavailable):
    """Redis stopped answering after an agent action may have been stored, or may have worked.

    `action` is run, pause or resume. An agent may still be paused or resumed by a worker. A run was
    certainly not started, but a worker may not know that.
    """

    template = "action_unclear"

    def __init__(self, action: Literal["run", "pause", "resume"]) -> None:
        super().__init__(action)
        self.action = action


Cause = Literal["emporix", "network", "proxy", "key", "request"]


class EmporixError(BotError):
    """A request to Emporix failed; `message` and `details` are Emporix's texts, untrusted.

    `cause` says who must act. `may_have_worked` means that a change may have been made despite
    this error. `because` adds what is known about the reason, without any text of the response.
    `retry_after` is in seconds, bounded, if a temporary rejection said when to try again.
    """

    template = "emporix_failed"
    cause: ClassVar[Cause] = "emporix"
    may_have_worked: ClassVar[bool] = False
    retry_after: float | None = None

    def __init__(
        self,
        message: str = "",
        *,
        tenant: str = "",
        status: int = 0,
        details: tuple[str, ...] = (),
        because: str = "",
    ) -> None:
        known = (type(self).__name__, str(status or ""), f"({because})" if because else "")
        super().__init__(" ".join(filter(None, known)))
        self.message, self.tenant, self.status, self.details = message, tenant, status, details
        self.because = because


class EmporixUnreachable(EmporixError):
    template = "emporix_unreachable"
    cause = "network"
    is_temporary = True


class EmporixTimeout(EmporixError):
    template = "emporix_timeout"
    is_temporary = True
    may_have_worked = True


class EmporixUnreadable(EmporixError):
    """An unreadable response; `coding` is the body's content coding if that is the reason."""

    template = "emporix_unreadable"
    cause: ClassVar[Cause] = "network"
    is_temporary = True
    may_have_worked = True
    coding = ""


class EmporixTooLarge(EmporixUnreadable):
    template = "emporix_too_large"


class ProxyAnswered(EmporixUnreadable):
    """Something between this app and Emporix responded, for example with an HTML page."""

    template = "proxy_answered"
    cause = "proxy"


class InvalidRequest(EmporixError):
    """`is_change`: the request would have changed an agent, so no filter is wrong."""

    template = "invalid_request"
    cause = "request"
    pauses = "filters"
    is_change = False


class Unauthorized(EmporixError):
    template = "unauthorized"
    cause = "key"
    pauses = "connection"


class Forbidden(EmporixError):
    template = "forbidden"
    cause = "key"
    pauses = "connection"


class NotFound(EmporixError):
    """`resource_id` is the requested id; `resource` is its kind.

    The kind is job, session, agent or, if a list wasn't found, service, which has no id.
    """

    template = "not_found"
    cause = "request"
    resource_id, resource = "", "job"


class RateLimited(EmporixError):
    template = "rate_limited"
    is_temporary = True


class ExportUnusable(EmporixError):
    """Unusable export: `reason` is no_data, base64 or json; `message` is where decoding failed."""

    template = "export_unusable"
    cause = "request"
    reason = resource_id = ""


class EmporixFailed(EmporixError):
    template = "emporix_failed"
    is_temporary = True
    may_have_worked = True


class EmporixRefused(EmporixFailed):
    """Emporix refused the request, for example with a 409 or 413, so it changed nothing."""

    template = "emporix_refused"
    may_have_worked = False


class TokenRefused(EmporixError):
    """The token endpoint rejects the request; `reason` is OAuth's error code (RFC 6749, 5.2)."""

    template = "token_refused"
    is_temporary = True
    reason = ""


def _with_subclasses(of: type[EmporixError]) -> set[type[EmporixError]]:
    return {of}.union(*map(_with_subclasses, of.__subclasses__()))


MAY_HAVE_WORKED = frozenset(
    error.template for error in _with_subclasses(EmporixError) if error.may_have_worked
)
"""Results (templates of errors) after which the job may have been deleted."""

NOT_DONE = frozenset(error.template for error in _with_subclasses(EmporixError)) - MAY_HAVE_WORKED
"""Results after which that attempt certainly didn't delete the job."""


class NoSuchDigest(BotError):
    """No digest has this `name`, which may be empty; `names` are those of the channel's digests."""

    template = "no_such_digest"

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{len(names)} there")
        self.name, self.names = name, names


class DigestRefused(BotError):
    """A digest can't be posted to the channel.

    `reason` is invite (the app must be invited first), gone, archived, direct (not a channel),
    outsiders, or `slack:` and Slack's error code.
    """

    template = "digest_refused"

    def __init__(self, reason: str, channel_id: str = "") -> None:
        super().__init__(reason)
        self.reason, self.channel_id = reason, channel_id


class RetryLater(Exception):
    """Run the task again after `seconds`; `reason` is logged and must not contain a secret.

    `failures` counts failed attempts so far; waiting isn't a failure.
    """

    def __init__(self, seconds: float, reason: str, failures: int = 0) -> None:
        super().__init__(f"in {seconds:.1f} s: {reason}")
        self.seconds, self.reason, self.failures = seconds, reason, failures


def _names(of: type[BotError]) -> set[str]:
    return {vars(of).get("template", "")}.union(*map(_names, of.__subclasses__())) - {""}


BOT_ERROR_NAMES = frozenset(_names(BotError))
"""The templates of all errors."""
