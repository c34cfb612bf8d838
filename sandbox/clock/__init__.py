"""The demo's clock, which can be moved forward for the bot, Slack and Emporix together."""
