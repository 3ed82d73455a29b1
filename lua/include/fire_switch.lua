--- Cancels all orders of a user whose dead man's switch has fired, in one step, also where some are in another stream while
--- orders move; and disarms it. Returns their ids. The member of `due` goes last: so the key is not empty before.
--- @include "stream_key"
--- @include "cancel_all"
local function fire_switch(namespace, directory, stream, user_id)
  local first = tonumber(stream)
  local last = first
  if timed_streams ~= '1' then
    first, last = 0, timed_streams - 1
  end
  local removed = {}
  for each = first, last do
    for _, order_id in ipairs(cancel_all(namespace, directory, each, user_id, 'cancel_all_after')) do
      removed[#removed + 1] = order_id
    end
  end
  redis.call('ZREM', stream_key(namespace, stream, 'due'), 'u:' .. user_id)
  return removed
end
