"""How one file is pulled: the engines behind the `Transfer` seam."""
