"""Between the clock and the tasks."""
