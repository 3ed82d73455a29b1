--- Gives out sequence numbers, and returns the text of the first of them: the server's clock in microseconds, or the
--- last number given out + 1 if that is larger, so that neither a tie nor a clock set back disorders two orders.
--- They have 16 digits, which tostring() would round.
local function next_sequence(key, count)
  local now = redis.call('TIME')
  local first = now[1] .. string.sub('000000', #now[2] + 1) .. now[2]
  local last = redis.call('SET', key, first, 'GET')
  if last and last - first >= 0 then
    first = string.format('%.0f', last + 1)
  elseif count == 1 then
    return first
  end
  redis.call('SET', key, string.format('%.0f', first + count - 1))
  return first
end
