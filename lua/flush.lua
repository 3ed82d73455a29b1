--- Makes every event due that waits in the queues of this intake. May run twice.
--- KEYS: intake
--- ARGV: (none)
--- REPLY: 1
local intake = unpack(KEYS)

local state = redis.call('HMGET', intake, 'latest', 'released')
if state[1] and state[1] - (state[2] or 0) >= 0 then
  -- A write that full memory does not refuse, and after which it does not refuse the next either.
  redis.call('HDEL', intake, 'none')
  redis.call('HSET', intake, 'released', string.format('%.0f', state[1] + 1))
end
return 1
