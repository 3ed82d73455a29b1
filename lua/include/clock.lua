--- The server's clock in microseconds since 1970, as text of all its digits: tostring() would round them.
local function clock_text()
  local now = redis.call('TIME')
  return string.format('%.0f', now[1] * 1000000 + now[2])
end
