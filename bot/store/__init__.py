"""What is kept in Redis: one class a kind of record, one page of keys."""
