"""The Home tab — opening it, and the buttons that only it has; one file a subject."""
