"""Runs the app in tests: the whole app, a worker, fakes and proxies."""
