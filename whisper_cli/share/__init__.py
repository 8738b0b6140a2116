"""Models for the neighbours: what may be shared, the server that gives it, and being found."""
