"""`make bench`: the app's speed as ratios, which are comparable between machines."""
