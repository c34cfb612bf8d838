"""How the clock calls us: one file a subject, found by `bot.clockwork.registry`."""
