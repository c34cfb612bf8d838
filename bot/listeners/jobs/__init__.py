"""/emporix jobs … — one file a verb."""
