--- Cancels all orders of a user. Costs by their number, and touches the user's own stream alone.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory user
--- ARGV: session request_number epoch namespace stream user_id
--- REPLY: the number of orders that were cancelled; 'STALE'
--- @include "session"
--- @include "remove_orders"
local sessions, config, directory, user = unpack(KEYS)
local session, request_number, epoch, namespace, stream, user_id = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
local order_ids = redis.call('SMEMBERS', user)
if #order_ids == 0 then
  return answer(sessions, session, request_number, '0', true)
end
for first = 1, #order_ids, 5000 do
  local some = {unpack(order_ids, first, math.min(first + 4999, #order_ids))}
  remove_orders(namespace, directory, stream, some, {[user_id] = some})
end
return answer(sessions, session, request_number, tostring(#order_ids))
