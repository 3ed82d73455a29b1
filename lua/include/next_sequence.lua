--- Gives out sequence numbers, and returns the text of the first of them: the server's clock in microseconds, or the
--- last number given out + 1 if that is larger, so that neither a tie nor a clock set back disorders two orders.
--- They have 16 digits, which tostring() would round. `behind`, which is for Redis Cluster, is a number that the caller
--- has seen in another stream: the first is larger, unless that number is a minute ahead of this server's clock. So a
--- clock that is wrong does not spread.
local function next_sequence(key, count, behind)
  local now = redis.call('TIME')
  local first = now[1] .. string.sub('000000', #now[2] + 1) .. now[2]
  local ahead = behind and behind - first
  if ahead and ahead >= 0 and ahead < 60000000 then
    first = string.format('%.0f', behind + 1)
  end
  local last = redis.call('SET', key, first, 'GET')
  if last and last - first >= 0 then
    first = string.format('%.0f', last + 1)
  elseif count == 1 then
    return first
  end
  redis.call('SET', key, string.format('%.0f', first + count - 1))
  return first
end
