"""A module an output format, and the table of all."""
