--- Lets the workers go on, after all events were seen in the queues of their own streams. May run twice.
--- KEYS: config
--- ARGV: epoch (under which all were seen)
--- REPLY: 1; 'STALE' there are other settings by now
--- @include "settings"
local config = unpack(KEYS)
local epoch = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
redis.call('HDEL', config, 'events_moving')
return 1
