"""One file per measurement. New files are found automatically."""
