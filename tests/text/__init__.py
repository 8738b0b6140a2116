"""Text care."""
