"""What strangers do to the program, by tables: a short form of each, and a long one by hand.

`pytest tests/soak` runs the short forms, `pytest -m soak` the long ones, and `python -m tests.soak`
the long ones with a table of what was tried, held and broke.
"""
