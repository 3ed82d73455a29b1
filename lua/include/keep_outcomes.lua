--- Keeps the outcomes of events that were applied: a list of their ids and outcomes; and the watermark by which they
--- were. Every time that it has risen by `remember` microseconds, what was kept before the last time is forgotten. So an
--- outcome is there until its event is older than `forgotten`, and such an event is always refused, also where `remember`
--- was changed meanwhile.
local function keep_outcomes(intake, even_outcomes, odd_outcomes, outcomes, watermark, remember)
  local state = redis.call('HMGET', intake, 'turn', 'turned_at')
  local turn, turned_at = tonumber(state[1] or 0), tonumber(state[2])
  local is_even = turn % 2 == 0
  redis.call('HSET', is_even and even_outcomes or odd_outcomes, unpack(outcomes))
  local released = string.format('%.0f', watermark)
  redis.call('HSET', intake, 'released', released)
  if not turned_at then
    redis.call('HSET', intake, 'turned_at', released)
  elseif watermark - turned_at >= tonumber(remember) then
    redis.call('HSET', intake, 'turned_at', released, 'turn', turn + 1, 'forgotten', state[2])
    redis.call('UNLINK', is_even and odd_outcomes or even_outcomes)
  end
end
