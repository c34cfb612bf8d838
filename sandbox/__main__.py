"""`python -m sandbox say …` and `python -m sandbox demo`."""

from sandbox.cli import main

raise SystemExit(main())
