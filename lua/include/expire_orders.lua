--- Removes orders of one stream whose deadlines have passed, with their members of `due`. Some may be gone. Returns the
--- ids of those that were live; or an error where nothing may be done now. The members go last, and all in one command: on
--- Redis Cluster no key may be touched after it was emptied. The first write is one that full memory does not refuse.
--- @include "stream_key"
--- @include "user_of"
--- @include "set_elsewhere"
--- @include "remove_orders"
local function expire_orders(namespace, directory, stream, order_ids)
  local prefix = stream_key(namespace, stream, '')
  local live, users, members = {}, {}, {}
  for i, record in ipairs(redis.call('HMGET', prefix .. 'orders', unpack(order_ids))) do
    local order_id = order_ids[i]
    members[i] = 'o:' .. order_id
    local user_id = record and user_of(record)
    if user_id then
      if not directory and not users[user_id] and redis.call('EXISTS', prefix .. 'user:' .. user_id) == 0 then
        return set_elsewhere()
      end
      users[user_id] = users[user_id] or {}
      table.insert(users[user_id], order_id)
    end
    if record then
      live[#live + 1] = order_id
    end
  end
  if #live > 0 then
    local looked_at = timed_streams
    timed_streams = '' -- the members are removed below
    remove_orders(namespace, directory, stream, live, users, nil, 'expire')
    timed_streams = looked_at
  end
  redis.call('ZREM', prefix .. 'due', unpack(members))
  return live
end
