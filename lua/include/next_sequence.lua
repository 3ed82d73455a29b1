--- Gives out sequence numbers, and returns the first of them: the server's clock in microseconds, or the last number
--- given out + 1 if that is larger, so that neither a tie nor a clock set back disorders two orders.
--- They have 16 digits, which tostring() would round: the second reply is the text of the last of them.
local function next_sequence(key, count)
  local now = redis.call('TIME')
  local first = math.max(now[1] * 1000000 + now[2], (tonumber(redis.call('GET', key) or 0)) + 1)
  local last_text = string.format('%.0f', first + count - 1)
  redis.call('SET', key, last_text)
  return first, last_text
end
