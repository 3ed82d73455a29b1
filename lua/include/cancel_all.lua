--- Cancels all of a user's orders in one stream. Returns their ids. An empty id is what pins the set, and stays. `op` is
--- what the feed says of it, by default 'cancel_all'.
--- @include "remove_orders"
local function cancel_all(namespace, directory, stream, user_id, op)
  local order_ids = redis.call('SMEMBERS', stream_key(namespace, stream, 'user:' .. user_id))
  for i = #order_ids, 1, -1 do
    if order_ids[i] == '' then
      table.remove(order_ids, i)
    end
  end
  for first = 1, #order_ids, 5000 do
    local some = {unpack(order_ids, first, math.min(first + 4999, #order_ids))}
    remove_orders(namespace, directory, stream, some, {[user_id] = some})
  end
  if #order_ids > 0 then
    record_change(namespace, stream, op or 'cancel_all', '', user_id)
  end
  return order_ids
end
