--- Removes some keys of a namespace that is being dropped, whose memory the server frees in the background.
--- KEYS: config dropped... (1 to 5000)
--- ARGV: finished ('1' where these are all that is left: the config is then removed with them)
--- REPLY: how many keys were removed; 0 where the namespace is not being dropped
local config = table.remove(KEYS, 1)
local dropped = KEYS
local finished = unpack(ARGV)

if not redis.call('HGET', config, 'dropping') then
  return 0
end
local removed = redis.call('UNLINK', unpack(dropped))
return removed + (finished == '1' and redis.call('DEL', config) or 0)
