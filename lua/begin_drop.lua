--- Begins to drop a namespace: from now on nobody can open it, or place an order in it.
--- KEYS: config
--- ARGV: num_streams (0, which is no number that any client has)
--- REPLY: 1 begun, or begun before; 0 there is no such namespace
local config = unpack(KEYS)
local num_streams = unpack(ARGV)

if redis.call('EXISTS', config) == 0 then
  return 0
end
redis.call('HSET', config, 'dropping', '1', 'num_streams', num_streams)
return 1
