--- Tells a stream the settings of its namespace, unless it knows later ones. May run twice.
--- KEYS: config changes changed
--- ARGV: settings_epoch num_streams feed seconds (for how long it keeps them; 0 for ever)
--- REPLY: the epoch of the settings that the stream knows now
--- @include "end_feed"
local config, changes, changed = unpack(KEYS)
local settings_epoch, num_streams, feed, seconds = unpack(ARGV)

local told = redis.call('HMGET', config, 'epoch', 'feed')
local known, known_feed = told[1], told[2]
if known == settings_epoch and seconds == '0' then
  redis.pcall('PERSIST', config) -- refused to a user who may only read, and needs no more
  return known
end
if known and known - settings_epoch > 0 then
  return known
end
if feed ~= '' then
  redis.call('HSET', config, 'feed', feed)
elseif known_feed then
  end_feed(changes, changed)
  redis.call('HDEL', config, 'feed')
end
redis.call('HSET', config, 'epoch', settings_epoch, 'num_streams', num_streams)
if seconds == '0' then
  redis.call('PERSIST', config)
else
  redis.call('EXPIRE', config, seconds)
end
return settings_epoch
