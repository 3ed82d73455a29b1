"""How each kind of inconsistency is mended: one script looks again, decides and writes."""
