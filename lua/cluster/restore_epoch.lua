--- Gives a namespace an epoch behind all that its streams know, unless its config has a later one. May run twice.
--- KEYS: config
--- ARGV: settings_epoch
--- REPLY: 1 restored; 0 the config has this epoch, or a later one, or there is none
local config = unpack(KEYS)
local settings_epoch = unpack(ARGV)

local known = redis.call('HGET', config, 'epoch')
if not known or known - settings_epoch >= 0 then
  return 0
end
redis.call('HSET', config, 'epoch', settings_epoch)
redis.call('HDEL', config, 'dropping')
return 1
