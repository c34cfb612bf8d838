"""Tests of digests: schedules, states, forms and reports."""
