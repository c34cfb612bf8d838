"""The page that `make demo` opens: the stand-in Slack as people see it."""
