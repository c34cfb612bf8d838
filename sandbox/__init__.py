"""Stand-ins for Slack and Emporix, and the commands that run the bot against them."""
