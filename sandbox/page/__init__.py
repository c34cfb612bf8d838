"""The web page of `make demo`: the stand-in for Slack as a user sees it."""
