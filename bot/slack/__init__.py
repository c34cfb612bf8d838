"""Between Bolt and the listeners."""
