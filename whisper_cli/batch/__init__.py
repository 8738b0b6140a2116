"""Many inputs: where outputs go, what is skipped, one job after another."""
