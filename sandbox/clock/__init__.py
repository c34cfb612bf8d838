"""The clock of the demo, which can be moved forward: for the bot, Slack and Emporix alike."""
