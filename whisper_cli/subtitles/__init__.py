"""Segments to publishable cues: an iterator in, an iterator out."""
