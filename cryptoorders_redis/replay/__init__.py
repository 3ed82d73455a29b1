"""Reads files of commands and runs the commands."""
