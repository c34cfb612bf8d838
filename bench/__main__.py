"""`python -m bench`, optionally with names of measurements."""

from bench.cli import main

raise SystemExit(main())
