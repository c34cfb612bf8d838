"""Mentions of alerts: who is mentioned about new kinds of failures, when, and the form for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TypeVar

from bot.domain.alerts import (
    Alert,
    ChangeBatch,
    MentionRule,
    MentionSettings,
    PendingMention,
    PostedAlert,
)
from bot.domain.digests import QuietHours
from bot.domain.responses import AlertResponses
from bot.errors import BotError, InvalidInput
from bot.services.alerts.grouping import (
    MAX_POSTED_ALERTS,
    matching_row,
    open_posts,
    open_since,
    snoozed_until,
)
from bot.services.digests.form import parse_minute, parse_zone
from bot.services.digests.schedule import quiet_end
from bot.services.pagination import short_hash

MAX_MENTION_RULES = 20
MAX_REMINDER_MINUTES = 24 * 60

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{1,30}")

MAX_PENDING_MENTIONS = 2 * MAX_POSTED_ALERTS  # a mention and a reminder of each message


def mentions_of(
    alert: Alert,
    batch: ChangeBatch,
    posts: Sequence[PostedAlert],
    responses: AlertResponses,
    ts: str,
) -> tuple[PendingMention, ...]:
    """The mention that follows a batch: one for its new kinds of failures, none for repeats.

    `posts` and `responses` are those before the batch, and `ts` is its new post. A summary after a
    long gap also mentions nobody for failures that an earlier post shows.
    """
    known = open_posts(posts, batch.at, responses)
    agents = {
        change.agent_id: change.agent
        for change in batch.changes
        if change.fingerprint and all(matching_row(post, change) is None for post in known)
    }
    if not rules_for(alert, agents):
        return ()
    return (PendingMention(batch.number, ts, agents, quiet_end(alert.mentions.quiet, batch.at)),)


def rules_for(alert: Alert, agents: Iterable[str]) -> list[MentionRule]:
    """The rules of an alert that apply to failures of these agents, by id."""
    ids = set(agents)
    return [rule for rule in alert.mentions.rules if ids and rule.agent_id in {"", *ids}]


def due_mentions(alert: Alert, now: float) -> list[PendingMention]:
    """The mentions to post now; a muted alert has none."""
    return [one for one in alert.pending if max(one.due_at, alert.muted_until) <= now]


def next_mention_at(alert: Alert) -> float:
    """When the alert's next mention is due; infinite if none is."""
    due = min((one.due_at for one in alert.pending), default=math.inf)
    return max(due, alert.muted_until)


def unclaimed_since(
    posts: Sequence[PostedAlert], responses: AlertResponses, ts: str, now: float
) -> float | None:
    """Since when no one has claimed a message; None if it no longer needs anyone.

    Then someone has claimed or resolved it, or nothing happened for a day. A message whose id is
    unknown can't be claimed.
    """
    if not ts:
        return now
    response = responses.of(ts)
    post = next((one for one in open_posts(posts, now, responses) if one.ts == ts), None)
    return open_since(post, response, now) if post and response.state == "open" else None


def unsnoozed(
    mention: PendingMention, posts: Sequence[PostedAlert], responses: AlertResponses, now: float
) -> PendingMention:
    """The mention without the agents whose failures are all snoozed; if none is left, it waits."""
    rows = [row for post in posts if post.ts == mention.ts for row in post.rows]
    is_awake = [not snoozed_until(responses, row.fingerprint, now) for row in rows]
    if rows and not any(is_awake):
        return replace(mention, agents={})
    awake = {name for row in compress(rows, is_awake) for name in row.agents}
    asleep = {name for row in rows for name in row.agents} - awake
    agents = {id_: name for id_, name in mention.agents.items() if name not in asleep}
    return replace(mention, agents=agents)


def without_mention(alert: Alert, done: PendingMention, is_posted: bool, now: float) -> Alert:
    """The alert after a mention was posted or dropped; after the first one, a reminder may follow.

    A message whose id is unknown has no thread for a reminder.
    """
    left = [one for one in alert.pending if one != done]
    minutes = alert.mentions.remind_after
    if (
        is_posted
        and minutes
        and done.ts
        and not done.is_reminder
        and len(left) < len(alert.pending)
    ):
        due_at = quiet_end(alert.mentions.quiet, now + minutes * 60)
        left.append(replace(done, due_at=due_at, is_reminder=True))
    return replace(alert, pending=tuple(left))


@dataclass(frozen=True, slots=True)
class NotifyForm:
    """The values of the form: the rule for one agent, or for any agent if `agent_id` is ""."""

    agent_id: str = ""
    agent_name: str = ""
    user_id: str = ""
    group_id: str = ""
    remind_after: str = ""
    begin: int | None = None
    end: int | None = None
    zone: str = ""

    @property
    def suffix(self) -> str:
        """The end of the block ids of an agent's fields.

        Slack keeps the user's input in a field with the same block_id.
        """
        return f".{short_hash(self.agent_id)}" if self.agent_id else ""


def form_of(settings: MentionSettings, chosen: MentionRule, zone: str) -> NotifyForm:
    """The form with the current settings; `zone` is used if there are no quiet hours."""
    rules = (rule for rule in settings.rules if rule.agent_id == chosen.agent_id)
    rule, quiet = next(rules, chosen), settings.quiet
    return NotifyForm(
        agent_id=rule.agent_id,
        agent_name=rule.agent_name or chosen.agent_name,
        user_id=rule.user_id,
        group_id=rule.group_id,
        remind_after=str(settings.remind_after or ""),
        begin=quiet.begin if quiet else None,
        end=quiet.end if quiet else None,
        zone=quiet.zone if quiet else zone,
    )


def parse_notify_form(
    values: Mapping[str, str],
    shown_agent: str,
    agent_name: str,
    before: MentionSettings,
    groups: Mapping[str, str] | None,
) -> tuple[NotifyForm, MentionSettings, dict[str, BotError]]:
    """The values of the form, its reminder and quiet hours, and errors by block_id.

    The form shows the rule of `shown_agent`, the id of an agent or "". `groups` are the names of
    user groups by id; without them, the form has no field for them, and the rule's is kept.
    """
    problems: dict[str, BotError] = {}
    shown = NotifyForm(shown_agent).suffix
    form = form_of(before, MentionRule(values["agent"], agent_name), "")
    if groups is not None and f"group{shown}" in values:
        group_id = _field(problems, f"group{shown}", values, _group_parser(groups), "")
        form = replace(form, group_id=group_id)
    form = replace(
        form,
        user_id=_field(problems, f"person{shown}", values, _parse_user, ""),
        remind_after=values["remind"],
        begin=_field(problems, "begin", values, parse_time, None),
        end=_field(problems, "end", values, parse_time, None),
        zone=values["zone"],
    )
    minutes = _field(problems, "remind", values, _parse_minutes, 0)
    others = {rule.agent_id for rule in before.rules} - {form.agent_id}
    if len(others) >= MAX_MENTION_RULES:
        problems["agent"] = InvalidInput(
            f"An alert can have rules for at most {MAX_MENTION_RULES} agents",
            advice="Remove one first.",
        )
    quiet = _parse_quiet_hours(form, values, problems)
    return form, MentionSettings((), minutes, quiet), problems


def _parse_quiet_hours(
    form: NotifyForm, values: Mapping[str, str], problems: dict[str, BotError]
) -> QuietHours | None:
    """The quiet hours of the form; None if it has none, or an error."""
    begin, end = form.begin, form.end
    if begin is None and end is None:
        return None
    if begin is None or end is None:
        problems["begin" if begin is None else "end"] = InvalidInput(
            "Quiet hours need both times", advice="Choose this one, or remove the other."
        )
        return None
    if begin == end:
        problems["end"] = InvalidInput("Quiet hours can't be empty", advice="Choose another time.")
    zone = _field(problems, "zone", values, parse_zone, "")
    return QuietHours(begin, end, zone)


def changed_mentions(before: MentionSettings, after: MentionSettings) -> list[str]:
    """The names of the settings that changed, for the audit log."""
    names = {"rules": "mentions", "remind_after": "reminder", "quiet": "quiet hours"}
    return [words for name, words in names.items() if getattr(before, name) != getattr(after, name)]


def with_rule(now: MentionSettings, form: NotifyForm, read: MentionSettings) -> MentionSettings:
    """The settings with the form's rule, which is removed if it mentions nobody."""
    rules = {rule.agent_id: rule for rule in now.rules}
    rules.pop(form.agent_id, None)
    if form.user_id or form.group_id:
        rules[form.agent_id] = MentionRule(
            form.agent_id, form.agent_name, form.user_id, form.group_id
        )
    ordered = sorted(rules.values(), key=lambda rule: (rule.agent_id != "", rule.agent_name))
    return replace(read, rules=tuple(ordered))


Parsed = TypeVar("Parsed")


def _field(
    problems: dict[str, BotError],
    name: str,
    values: Mapping[str, str],
    parse: Callable[[str], Parsed],
    otherwise: Parsed,
) -> Parsed:
    try:
        return parse(values[name])
    except InvalidInput as error:
        problems[name] = error
        return otherwise


def _parse_user(text: str) -> str:
    if text and not _USER_ID.fullmatch(text):
        raise InvalidInput("That isn't a person", advice="Choose one from the list.")
    return text


def _group_parser(groups: Mapping[str, str]) -> Callable[[str], str]:
    """A parser of user group ids, which accepts only those of the workspace."""

    def parse(text: str) -> str:
        if text and not (_GROUP_ID.fullmatch(text) and text in groups):
            raise InvalidInput("That isn't a user group", advice="Choose one from the list.")
        return text

    return parse


def _parse_minutes(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= MAX_REMINDER_MINUTES:
        raise InvalidInput(
            "That isn't a number of minutes", text, f"Type 1 to {MAX_REMINDER_MINUTES:,}."
        )
    return int(text)


def parse_time(text: str) -> int | None:
    """Minutes after midnight; None for an empty field. Raises InvalidInput."""
    return parse_minute(text) if text else None
