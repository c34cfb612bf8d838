"""A stand-in for the Emporix AI Service that refuses what Emporix refuses."""
