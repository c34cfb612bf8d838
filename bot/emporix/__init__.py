"""Everything that is said to Emporix, and nothing that is said to Slack."""
