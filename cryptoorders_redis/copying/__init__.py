"""Copies all live orders of a namespace into another store, or into a file and back."""
