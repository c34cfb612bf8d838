"""A stand-in for the Emporix AI Service that rejects the same requests."""
