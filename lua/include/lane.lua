--- What makes a change that is sent twice run once. A lane is used for one call at a time, each with a higher
--- request number; its key holds the last one that changed something, and the answer to it.
--- An answer that changed nothing is kept only when the request was sent again: an earlier sending of it may
--- still be on its way, and must not act after the caller has its answer.
local LANE_SECONDS = '3600'

local function answered(lane, request)
  local number, reply = string.match(redis.call('GET', lane) or '', '^(%d+) (%w+)$')
  if number == request then
    return tonumber(reply) or reply
  elseif number and tonumber(number) > tonumber(request) then
    return redis.error_reply('LATE its caller has an answer to this request')
  end
end

--- The reply is a number, or a text of one 'y' or 'n' for each of many.
local function answer(lane, request, resent, reply)
  local changed = reply ~= 0 and (tonumber(reply) or string.find(reply, 'y', 1, true))
  if not changed then
    -- A write that changes nothing: a replica, which may lag behind, refuses to answer by it, and once there
    -- was one, full memory does not refuse the next.
    redis.call('DEL', lane .. ':none')
  end
  if changed or resent == '1' then
    redis.call('SETEX', lane, LANE_SECONDS, request .. ' ' .. reply)
  end
  return reply
end
