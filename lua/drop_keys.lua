--- Removes some keys of a namespace that is being dropped, whose memory the server frees in the background.
--- Standalone the keys are in different slots.
--- KEYS: config dropped... (1 to 5000; at last the config itself)
--- ARGV: dropping (the letters that name the drop)
--- REPLY: the number of keys that were removed; -1 where this drop has ended, and there may be another namespace
local config = KEYS[1]
local dropped = {unpack(KEYS, 2)}
local dropping = unpack(ARGV)

if redis.call('HGET', config, 'dropping') ~= dropping then
  return -1
end
return redis.call('UNLINK', unpack(dropped))
