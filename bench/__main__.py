"""`python -m bench`, or with the names of measurements."""

from bench.cli import main

raise SystemExit(main())
