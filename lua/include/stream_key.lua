--- The name of one of a stream's keys. The Python twin is Keys in schema/keys.py; a test holds the two together.
local function stream_key(namespace, stream, suffix)
  return '{' .. namespace .. ':' .. stream .. '}:' .. suffix
end
