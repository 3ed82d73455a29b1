--- Cancels all orders of a user. Costs by their number, and touches the user's own streams alone.
--- These are one, or two while orders move to other streams.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config directory users... (the user's set in each of these streams)
--- ARGV: session request_number epoch feed timed namespace user_id streams... (1 or 2)
--- REPLY: the number of orders that were cancelled; 'STALE'
--- @include "session"
--- @include "record_change"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS, 1, 3)
local users = {unpack(KEYS, 4)}
local session, request_number, epoch, feed, timed, namespace, user_id = unpack(ARGV, 1, 7)
local streams = {unpack(ARGV, 8)}

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length = feed
local count = 0
for i, user in ipairs(users) do
  local order_ids = redis.call('SMEMBERS', user)
  for first = 1, #order_ids, 5000 do
    local some = {unpack(order_ids, first, math.min(first + 4999, #order_ids))}
    remove_orders(namespace, directory, streams[i], some, {[user_id] = some})
  end
  if #order_ids > 0 then
    record_change(namespace, streams[i], 'cancel_all', '', user_id)
  end
  count = count + #order_ids
end
return answer(sessions, session, request_number, tostring(count), count == 0)
