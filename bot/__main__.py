"""`python -m bot`: the same as the console script, if the package isn't installed."""

from bot.cli import main

raise SystemExit(main())
