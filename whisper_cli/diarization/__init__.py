"""Who said what: channels of a call, and voices told apart by models."""
