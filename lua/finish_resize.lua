--- Ends a resize, after all orders were seen in their new streams. May run twice.
--- KEYS: config
--- ARGV: epoch (under which all were seen)
--- REPLY: 1 ended; 'STALE' there are other settings by now
--- @include "settings"
--- @include "next_epoch"
local config = unpack(KEYS)
local epoch = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
redis.call('HSET', config, 'epoch', next_epoch(config))
redis.call('HDEL', config, 'moving_from')
return 1
