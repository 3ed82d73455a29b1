--- Cancels, in turn, those of some orders that are live.
--- KEYS: sessions directory
--- ARGV: session request_number namespace owner ('' for any user's orders) order_ids... (at most 7,000)
--- REPLY: a text with 'y' for each that was cancelled, 'n' for each that was not
--- @include "session"
--- @include "stream_key"
--- @include "list_at"
local sessions, directory = unpack(KEYS)
local session = table.remove(ARGV, 1)
local request_number = table.remove(ARGV, 1)
local namespace = table.remove(ARGV, 1)
local owner = table.remove(ARGV, 1)
local order_ids = ARGV

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
local listed, first, answers = {}, {}, {}
for i, stream in ipairs(redis.call('HMGET', directory, unpack(order_ids))) do
  local order_id = order_ids[i]
  answers[i] = 'n'
  if stream and not first[order_id] then
    first[order_id] = i
    table.insert(list_at(listed, stream), order_id)
  end
end
local cancelled, users = {}, {}
for stream, listed_here in pairs(listed) do
  local orders = stream_key(namespace, stream, 'orders')
  for i, record in ipairs(redis.call('HMGET', orders, unpack(listed_here))) do
    local order_id = listed_here[i]
    local user_id = record and cjson.decode(record).user_id
    if user_id and (owner == '' or owner == user_id) then
      local user = stream_key(namespace, stream, 'user:' .. user_id)
      answers[first[order_id]] = 'y'
      table.insert(list_at(cancelled, stream), order_id)
      table.insert(list_at(users, user), order_id)
    end
  end
end
-- It begins with commands that full memory does not refuse: cancelling is what frees it.
for stream, cancelled_here in pairs(cancelled) do
  redis.call('HDEL', stream_key(namespace, stream, 'orders'), unpack(cancelled_here))
  redis.call('ZREM', stream_key(namespace, stream, 'placed'), unpack(cancelled_here))
  redis.call('SREM', stream_key(namespace, stream, 'paused'), unpack(cancelled_here))
  redis.call('HDEL', directory, unpack(cancelled_here))
end
for user, users_orders in pairs(users) do
  redis.call('SREM', user, unpack(users_orders))
end
return answer(sessions, session, request_number, table.concat(answers))
