--- Keeps an event that was refused as a dead letter, and counts it. The oldest go where there are more than these.
--- @include "stream_key"
--- @include "clock"
local MOST_LETTERS = 10000

local function keep_letter(namespace, dead, letters, stream, event_id, time, reason, text)
  redis.call('ZADD', dead, clock_text(), event_id)
  redis.call('HSET', letters, event_id, reason .. ' ' .. time .. ' ' .. text)
  redis.call('HINCRBY', stream_key(namespace, stream, 'intake'), 'refused', 1)
  if redis.call('ZCARD', dead) > MOST_LETTERS then
    local oldest = redis.call('ZRANGE', dead, 0, 0)[1]
    redis.call('ZREM', dead, oldest)
    redis.call('HDEL', letters, oldest)
  end
end
