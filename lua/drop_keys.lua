--- Removes some keys of a namespace that is being dropped, whose memory the server frees in the background.
--- KEYS: config dropped... (1 to 5000)
--- ARGV: dropping (the letters that name the drop) finished ('1' where the config is to be removed with them)
--- REPLY: how many keys were removed; -1 where this drop has come to its end, and there may be another namespace
local config = table.remove(KEYS, 1)
local dropped = KEYS
local dropping, finished = unpack(ARGV)

if redis.call('HGET', config, 'dropping') ~= dropping then
  return -1
end
local removed = redis.call('UNLINK', unpack(dropped))
return removed + (finished == '1' and redis.call('DEL', config) or 0)
