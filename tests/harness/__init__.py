"""Drives the app in tests: the whole app, a worker, and fakes of what surrounds them."""
