"""One file a measurement; adding a file adds its figures."""
