"""`python -m bot`: the console script, where nothing is installed but the requirements."""

from bot.cli import main

raise SystemExit(main())
