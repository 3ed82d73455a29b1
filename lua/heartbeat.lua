--- Says that a worker is alive, or that it ends; removes those that are dead; and names the living. May run twice.
--- On Redis Cluster workers tell each other so the newest event time of their streams.
--- KEYS: workers intake
--- ARGV: worker dead_after (microseconds) is_ending ('1' or '') newest (event time that the worker knows, '-1' for none)
--- REPLY: {newest event time that any worker has told, '-1' for none, the names of the living workers in their order}
--- @include "clock"
local workers, intake = unpack(KEYS)
local worker, dead_after, is_ending, newest = unpack(ARGV)

local now = clock_text()
redis.call('ZREM', workers, worker)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', string.format('%.0f', now - dead_after))) do
  redis.call('ZREM', workers, dead)
end
if is_ending == '' then
  redis.call('ZADD', workers, now, worker)
end
local latest = redis.call('HGET', intake, 'latest') or '-1'
if newest - latest > 0 then
  latest = newest
  redis.call('HSET', intake, 'latest', latest)
end
local living = redis.call('ZRANGE', workers, 0, -1)
table.sort(living)
return {latest, living}
