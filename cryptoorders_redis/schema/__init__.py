"""How orders lie in Redis: the names of keys, the text of a record, a user's stream, the Lua scripts."""
