--- Removes a field of a hash, if it still is what the caller saw. May run twice.
--- KEYS: hash
--- ARGV: field seen
--- REPLY: 1 removed; 0 it is another by now
local hash = unpack(KEYS)
local field, seen = unpack(ARGV)

return redis.call('HGET', hash, field) == seen and redis.call('HDEL', hash, field) or 0
