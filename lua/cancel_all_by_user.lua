--- Cancels all orders of a user. Costs by their number, and touches the user's own stream alone.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory user
--- ARGV: session request_number epoch namespace stream user_id
--- REPLY: the number of orders that were cancelled; 'STALE'
--- @include "change"
--- @include "remove_orders"
local sessions, config, directory, user = unpack(KEYS)
local session, request_number, epoch, namespace, stream, user_id = unpack(ARGV)

local done = answer_without_change(sessions, config, session, request_number, epoch)
if done then
  return done
end
local order_ids = redis.call('SMEMBERS', user)
if #order_ids == 0 then
  return answer_unchanged(sessions, session, request_number, '0')
end
remove_orders(namespace, directory, stream, order_ids, {[user_id] = order_ids})
return answer(sessions, session, request_number, tostring(#order_ids))
