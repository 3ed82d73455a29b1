--- Moves events that wait in the queue of a stream to another stream's. May run twice.
--- Standalone only: the streams are in different slots.
--- KEYS: config waiting new_waiting
--- ARGV: epoch event_ids... (1 to 1,000)
--- REPLY: 1; 'STALE'
--- @include "settings"
local config, waiting, new_waiting = unpack(KEYS)
local epoch = unpack(ARGV, 1, 1)
local event_ids = {unpack(ARGV, 2)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
for i, time in ipairs(redis.call('ZMSCORE', waiting, unpack(event_ids))) do
  if time then
    redis.call('ZADD', new_waiting, time, event_ids[i])
    redis.call('ZREM', waiting, event_ids[i])
  end
end
return 1
