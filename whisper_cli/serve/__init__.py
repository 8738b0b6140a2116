"""serve-lite: HTTP around the engine and the writers."""
