"""What stands around the measured processes: it answers at once and checks nothing."""
