"""Tools for work on this package. They are not part of it."""
