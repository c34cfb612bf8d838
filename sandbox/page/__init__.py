"""The web page of `make demo`: shows the stand-in for Slack to a user."""
