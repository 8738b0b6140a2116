"""Settings: what they are, how they are read, where they come from."""
