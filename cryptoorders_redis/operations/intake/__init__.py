"""The intake: events wait in a queue for each stream, and are applied in the order of their times."""
