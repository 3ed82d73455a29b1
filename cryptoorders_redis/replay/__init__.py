"""Files of commands: reading them, and carrying them out."""
