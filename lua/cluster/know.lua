--- Tells a stream the settings of its namespace, unless it knows later ones. May run twice.
--- KEYS: config
--- ARGV: settings_epoch num_streams seconds (for how long it keeps them; 0 for ever)
--- REPLY: the epoch of the settings that the stream knows now
local config = unpack(KEYS)
local settings_epoch, num_streams, seconds = unpack(ARGV)

local known = redis.call('HGET', config, 'epoch')
if known == settings_epoch and seconds == '0' then
  redis.pcall('PERSIST', config) -- refused to a user who may only read, and needs no more
  return known
end
if known and known - settings_epoch > 0 then
  return known
end
redis.call('HSET', config, 'epoch', settings_epoch, 'num_streams', num_streams)
if seconds == '0' then
  redis.call('PERSIST', config)
else
  redis.call('EXPIRE', config, seconds)
end
return settings_epoch
