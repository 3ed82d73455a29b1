--- Gives a namespace the settings back that its streams know, unless its config has later ones. May run twice.
--- KEYS: config
--- ARGV: settings_epoch num_streams
--- REPLY: 1 restored; 0 the config has these, or later ones, or there is none
local config = unpack(KEYS)
local settings_epoch, num_streams = unpack(ARGV)

local known = redis.call('HGET', config, 'epoch')
if not known or known - settings_epoch >= 0 then
  return 0
end
redis.call('HSET', config, 'epoch', settings_epoch, 'num_streams', num_streams)
redis.call('HDEL', config, 'dropping')
return 1
