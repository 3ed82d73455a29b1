--- Removes some keys of a namespace that is being dropped, whose memory the server frees in the background.
--- Standalone only: the keys are in different slots.
--- KEYS: config dropped... (1 to 5000)
--- ARGV: dropping (the letters that name the drop) finished ('1' where the config is to be removed with them)
--- REPLY: the number of keys that were removed; -1 where this drop has ended, and there may be another namespace
local config = KEYS[1]
local dropped = {unpack(KEYS, 2)}
local dropping, finished = unpack(ARGV)

if redis.call('HGET', config, 'dropping') ~= dropping then
  return -1
end
local removed = redis.call('UNLINK', unpack(dropped))
return removed + (finished == '1' and redis.call('DEL', config) or 0)
