"""Copies all live orders of a namespace into another store."""
