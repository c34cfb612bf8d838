"""Clean-ups: jobs are counted, shown, confirmed by their number, and deleted in the background."""
