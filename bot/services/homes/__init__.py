"""What Home tabs show: what is known at once, and what Emporix says."""
