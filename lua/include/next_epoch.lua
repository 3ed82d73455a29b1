--- An epoch that no client knows: the server's clock in microseconds, or the last epoch + 1 if that is larger.
--- @include "clock"
local function next_epoch(config)
  local last = tonumber(redis.call('HGET', config, 'epoch')) or 0
  return string.format('%.0f', math.max(clock_text(), last + 1))
end
