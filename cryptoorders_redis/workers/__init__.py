"""Workers apply events that were submitted."""
