--- Says that a worker is alive, or that it ends; removes those that are dead; and names the living. May run twice.
--- KEYS: workers
--- ARGV: worker dead_after (microseconds) is_ending ('1' or '')
--- REPLY: the names of the living workers, in the order of the names
--- @include "clock"
local workers = unpack(KEYS)
local worker, dead_after, is_ending = unpack(ARGV)

local now = clock_text()
redis.call('ZREM', workers, worker)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', string.format('%.0f', now - dead_after))) do
  redis.call('ZREM', workers, dead)
end
if is_ending == '' then
  redis.call('ZADD', workers, now, worker)
end
local living = redis.call('ZRANGE', workers, 0, -1)
table.sort(living)
return living
