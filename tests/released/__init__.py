"""Formats of released versions: `write` stores them in a folder per version, tests compare them."""
