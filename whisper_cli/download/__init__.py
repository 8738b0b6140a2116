"""How the bytes of a model come here: sources in order, verified before anything is visible."""
