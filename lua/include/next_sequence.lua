--- Gives out sequence numbers, and returns the first of them: the server's clock in microseconds, or the last number
--- given out + 1 if that is larger, so that neither a tie nor a clock set back disorders two orders.
--- They have 16 digits, which tostring() would round: format them with sequence_text.
local function sequence_text(sequence)
  return string.format('%.0f', sequence)
end

local function next_sequence(key, count)
  local now = redis.call('TIME')
  local first = math.max(now[1] * 1000000 + now[2], (tonumber(redis.call('GET', key) or 0)) + 1)
  redis.call('SET', key, sequence_text(first + count - 1))
  return first
end
