"""Following running jobs: when to look at them, and what is found."""
