"""Runs the command line as `python -m bot`, even if the package isn't installed."""

from bot.cli import main

raise SystemExit(main())
