--- Removes some keys of a stream of a namespace that is being dropped, whose memory the server frees in the background.
--- KEYS: config dropped... (1 to 5000)
--- ARGV: settings_epoch (which the drop has told the stream)
--- REPLY: the number of keys that were removed; -1 where the stream belongs to another namespace by now
local config = KEYS[1]
local dropped = {unpack(KEYS, 2)}
local settings_epoch = unpack(ARGV)

if redis.call('HGET', config, 'epoch') ~= settings_epoch then
  return -1
end
return redis.call('UNLINK', unpack(dropped))
