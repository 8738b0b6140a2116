"""The server's routes: a module a group of URLs."""
