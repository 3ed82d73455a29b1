--- The events of a stream that are due: its list of ids and times, at most `limit`. Due is what is older than the
--- watermark: the window behind the newest event, or all that came once nothing newer has come for `quiet` ('' for
--- ever). It never falls, so that what was applied is older than all that will be.
--- Also returns the watermark; and for how many microseconds nothing may come until
--- the rest is due, -1 where there is none, or it is not by that.
--- @include "clock"
local function due_events(intake, waiting, window, quiet, limit)
  local state = redis.call('HMGET', intake, 'latest', 'latest_at', 'released')
  local latest, released = tonumber(state[1]), tonumber(state[3] or 0)
  local watermark, quiet_in = released, -1
  if latest then
    watermark = math.max(released, latest - window)
    if quiet ~= '' then
      quiet_in = (state[2] or 0) + quiet - clock_text() -- a person may have removed it
      if quiet_in <= 0 then
        watermark, quiet_in = math.max(watermark, latest + 1), -1
      end
    end
  end
  local up_to = '(' .. string.format('%.0f', watermark)
  local due = redis.call('ZRANGEBYSCORE', waiting, '-inf', up_to, 'WITHSCORES', 'LIMIT', 0, limit)
  if #due / 2 == redis.call('ZCARD', waiting) then
    quiet_in = -1
  end
  return due, watermark, quiet_in
end
