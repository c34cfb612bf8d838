"""Digests: when they are due, what they tell, and what becomes of them."""
