"""Minimal stand-ins for measured processes: they respond immediately and validate nothing."""
