"""What listeners can ask for: each names as parameters what it needs."""

from __future__ import annotations

PARAMETERS = {
    "caller": "who acts",
    "account": "their connections; not in the ack",
    "cursor": "the list that the pressed button stands in, None where it is not theirs or is gone",
    "text": "what was typed behind the words of the command",
    "typed": "what was typed into an external select",
    "value": "what the pressed button remembers, packed",
    "values": "what was typed or chosen in the modal, by block_id",
    "choices": "what was ticked in the submitted modal, by block_id",
    "memory": "what the modal remembers, packed; empty where there is none",
    "reply": "answers with a template",
    "modal": "opens a modal, or changes the one that the request came from",
    "offer": "answers what was typed into an external select",
    "place": "where it happens, to be kept and to be answered later",
    "files": "shares a text with the person as a file",
    "channel": "where it happens: who reads it, and what all of them see",
    "people": "what Slack knows about who acts",
    "registry": "all commands",
    "clock": "the time, and the zone of who acts",
    "accounts": "the service of connections",
    "jobs": "the service of jobs",
    "finding": "the service that finds the jobs that a text is about",
    "deletes": "the service that deletes jobs and records it",
    "sharing": "the service of lists and jobs shown to a channel",
    "shared_deletes": "the service of deletes that a channel sees",
    "forms": "what open forms remember, sealed",
    "audit": "the record of deletes",
    "asking": "the service that reads filters",
}
