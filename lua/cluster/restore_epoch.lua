--- Gives a namespace an epoch later than all that its streams know, unless its config has theirs. May run twice.
--- KEYS: config
--- ARGV: settings_epoch
--- REPLY: 1 it has a later one now; 0 the config has this epoch, or a later one, or there is none
local config = unpack(KEYS)
local settings_epoch = unpack(ARGV)

local known = redis.call('HGET', config, 'epoch')
if not known or known - settings_epoch >= 0 then
  return 0
end
-- Later: who knows the settings that were lost must not be taken for one who knows these.
redis.call('HSET', config, 'epoch', string.format('%.0f', settings_epoch + 1))
redis.call('HDEL', config, 'dropping')
return 1
