"""What the app does, without a word of Slack."""
