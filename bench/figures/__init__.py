"""One file per measurement; a new file is found without registration."""
