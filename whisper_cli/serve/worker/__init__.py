"""What runs in processes of its own: a model with its engine, and the decoding of uploads."""
