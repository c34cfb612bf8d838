"""How Slack calls us: one file a subject, found by `bot.slack.registry`."""
