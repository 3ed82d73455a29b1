"""Runs the real operations and scripts through every interleaving of several calls on one order id.

`states` runs a request on a real server in a given state. `clients` finds out what a call sends next after
given replies. Both remember what they found, so that `search` can look at each state of the whole once.
"""
