"""/emporix alerts … — one file a verb."""
