"""Stores for people without a server at hand: `memory://` in this process, `file:DIR` on this machine."""
