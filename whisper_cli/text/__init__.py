"""Text care: replacements, filler words and a mask for profanity, between decoding and writing."""
