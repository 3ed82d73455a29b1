"""Stores that need no server of the user's: `memory://` in this process, `file:DIR` on this machine."""
