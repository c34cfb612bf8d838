"""Finds ids of jobs and sessions, links to jobs, and names of agents in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from bot.errors import InvalidInput

MAX_JOB_ID_LENGTH = 200  # ids have 24 characters, but the contract says only "string"

_WRAPPERS = "<>()[]{}\"'`“”„‟«»‘’‚‹›*_~#.,;:!? \t\n"
"""Characters around an id: quotes, brackets, Slack's formatting, and punctuation."""
_HEX = "[0-9a-fA-F]"
_UUID = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
# An id may touch `_` and `-`, as in `_<id>_` and job-<id>.json, but isn't part of a longer number.
_JOB = re.compile(
    rf"(?<![0-9a-zA-Z])(?<!{_HEX}\d-)(?<!\d{_HEX}-){_HEX}{{24}}(?![0-9a-zA-Z])"
    rf"(?!-(?={_HEX}*\d){_HEX}{{4}})",
    re.ASCII,
)
_SESSION = re.compile(rf"(?<![0-9a-zA-Z]){_UUID}(?![0-9a-zA-Z])", re.ASCII)
_IN_LINK = re.compile(r"/logs/jobs/([^/?#\s|>]+)")
_JOB_IN_LINE = re.compile(
    rf"(?:please\s+)?(?:jobs?\s+)?(?:(?:show|open|view|(?:show|get|give)\s+me)\s+)?(?:the\s+)?"
    rf"(?:job\s+)?(?:id\s*[:=]?\s*)?[{re.escape(_WRAPPERS)}]*"
    rf"(?P<found>{_HEX}{{24}}|https?://[^\s|>]*/logs/jobs/[^\s|>]+(?:\|[^>]*)?)"
    rf"[{re.escape(_WRAPPERS)}]*",
    re.IGNORECASE | re.ASCII,
)


def strip_wrappers(text: str) -> str:
    """Remove the quotes, brackets and punctuation around an id or name."""
    return text.strip(_WRAPPERS)


def parse_job_id(text: str) -> str:
    """The job id in `text`, bare or in a link; raises InvalidInput if there is none, or several."""
    known = {found.lower() for found in _JOB.findall(text)}
    if linked := _IN_LINK.search(text):
        found = _linked_id(linked[1])
    else:
        found = known.pop() if len(known) == 1 else strip_wrappers(text)
    if not found.strip():
        raise InvalidInput("The job's ID is missing", advice="Type it after the command.")
    if not _can_be_id(found) or (not linked and (known or len(found.split()) > 1)):
        raise InvalidInput(
            "That isn't a job ID",
            found[:MAX_JOB_ID_LENGTH],
            advice="Give one ID, like 68835cc3ef4e8e1425c360ad, or a link to a job.",
        )
    return found


def job_in_line(line: str) -> str:
    """The job id if a command line is only an id or a link to a job, perhaps after `show`.

    Returns "" for any other line.
    """
    found = _JOB_IN_LINE.fullmatch(line)
    with suppress(InvalidInput):
        return parse_job_id(found["found"]) if found else ""
    return ""


def mentioned_jobs(texts: Iterable[str]) -> tuple[str, ...]:
    """The job ids in `texts`, bare or in links, as Emporix writes them."""
    return tuple(dict.fromkeys(found.lower() for text in texts for found in _JOB.findall(text)))


def find_session_id(text: str) -> str:
    """The session id in `text`, as Emporix writes it; "" if there is none."""
    found = _SESSION.search(text)
    return found[0].lower() if found else ""


def _linked_id(text: str) -> str:
    """The id at the end of a link; text after an id of the usual form belongs to the sentence."""
    usual = _JOB.search(text)
    return usual[0].lower() if usual else unquote(text.rstrip(_WRAPPERS))


MIN_AGENT_NAME_LENGTH = 3
MAX_SEARCH_WORDS = 12
MAX_SEARCH_LENGTH = 200

_ID_IN_LINK = r"[^\s<>|\"]{0,200}?/logs/jobs/([^/?#&\s<>|\"']{1,600})"
_NO_WORD = re.compile(r"<[^<>]{0,500}>|https?://\S+|:[a-z0-9_+-]{1,50}:")
_WORD = re.compile(r"[^\W_]{3,40}(?:[-.][^\W_]{1,40}){0,3}")


@dataclass(frozen=True, slots=True)
class References:
    """The ids that texts mention, in order and without duplicates.

    `words` is a proposed search, made from the words of the text.
    """

    jobs: tuple[str, ...]
    sessions: tuple[str, ...]
    words: str


def find_references(texts: Iterable[str], dashboard_url: str) -> References:
    """The jobs and sessions in `texts`; a link counts if it leads to `dashboard_url`."""
    all_texts = list(texts)
    link = re.compile(re.escape(dashboard_url) + _ID_IN_LINK)
    jobs: dict[str, None] = {}
    sessions: dict[str, None] = {}
    for text in all_texts:
        jobs.update(dict.fromkeys(filter(_can_be_id, map(_linked_id, link.findall(text)))))
        jobs.update(dict.fromkeys(mentioned_jobs([text])))
        sessions.update(dict.fromkeys(map(str.lower, _SESSION.findall(text))))
    return References(tuple(jobs), tuple(sessions), _search_words(all_texts))


def mentioned_agents(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The ids of the agents whose name or id is in `texts` as whole words, ignoring case."""
    text = normalize("\n".join(texts))
    return tuple(
        id_
        for id_, name in names.items()
        if any(_is_mentioned(text, normalize(word)) for word in (id_, name))
    )


def _is_mentioned(text: str, word: str) -> bool:
    if len(word) < MIN_AGENT_NAME_LENGTH or word not in text:
        return False
    return bool(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text))


def _search_words(texts: list[str]) -> str:
    """The first words of the first text that has any, as a proposal that the user can edit."""
    for text in texts:
        found = dict.fromkeys(_WORD.findall(_NO_WORD.sub(" ", text[:5000])))
        words = " ".join(list(found)[:MAX_SEARCH_WORDS])
        if len(words) > MAX_SEARCH_LENGTH:
            words = words[:MAX_SEARCH_LENGTH].rpartition(" ")[0]
        if words:
            return words
    return ""


def _can_be_id(text: str) -> bool:
    """Whether a text can be an id in a URL path."""
    return 0 < len(text) <= MAX_JOB_ID_LENGTH and text.isprintable() and text.strip(". ") != ""


_STRAIGHT_APOSTROPHE = str.maketrans("‘’ʼ´`", "'" * 5)


def normalize(text: str) -> str:
    """Normalize a name for comparisons: lower case, single spaces and straight apostrophes."""
    return " ".join(text.casefold().translate(_STRAIGHT_APOSTROPHE).split())
