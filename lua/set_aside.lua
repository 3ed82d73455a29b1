--- Renames a key that nobody can use, if it still is of no use, so that the name is free and nothing is lost.
--- May run twice.
--- KEYS: key aside (both in one slot)
--- ARGV: kind (the type that the key should have; '' for a key of no meaning)
--- REPLY: 1 renamed; 0 it is gone, or of that type by now
local key, aside = unpack(KEYS)
local kind = unpack(ARGV)

local found = redis.call('TYPE', key).ok
if found == 'none' or found == kind then
  return 0
end
return redis.call('RENAMENX', key, aside)
