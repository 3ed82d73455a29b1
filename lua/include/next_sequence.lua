--- Gives out the next sequence number: the server's clock in microseconds, or the last number + 1 if that is
--- larger, so that neither a tie nor a clock set back disorders two orders. 16 digits: tostring() would round them.
local function next_sequence(key)
  local now = redis.call('TIME')
  local sequence = math.max(now[1] * 1000000 + now[2], (tonumber(redis.call('GET', key) or 0)) + 1)
  local text = string.format('%.0f', sequence)
  redis.call('SET', key, text)
  return text
end
