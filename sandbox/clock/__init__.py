"""The demo's clock, which moves time forward for the bot, Slack and Emporix together."""
