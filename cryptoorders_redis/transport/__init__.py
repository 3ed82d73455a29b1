"""How requests reach the server: once each, and each change with one effect."""
