"""Sources to blocks of 16 kHz mono sound."""
