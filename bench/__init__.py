"""How fast the app is, as ratios that mean the same on any machine: `make bench`."""
