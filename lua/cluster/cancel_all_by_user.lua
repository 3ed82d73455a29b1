--- Cancels all orders of a user. Costs by their number.
--- KEYS: sessions config paused user declared... (orders and placed)
--- ARGV: session request_number epoch feed timed namespace stream user_id
--- REPLY: the ids of the orders that were cancelled; '0' there is none; how many they were, where this request is sent
--- again; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "remove_orders"
local sessions, config, paused, user = unpack(KEYS, 1, 4)
local session, request_number, epoch, feed, timed, namespace, stream, user_id = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, stream)
if due then
  return answer(sessions, session, request_number, due, true)
end
local order_ids = redis.call('SMEMBERS', user)
if #order_ids == 0 then
  return answer(sessions, session, request_number, '0', true)
end
local parts, paused_parts = {}, {}
for first = 1, #order_ids, 5000 do
  local part, paused_part = {unpack(order_ids, first, math.min(first + 4999, #order_ids))}, {}
  for i, is_paused in ipairs(redis.call('SMISMEMBER', paused, unpack(part))) do
    if is_paused == 1 then
      paused_part[#paused_part + 1] = part[i]
    end
  end
  parts[#parts + 1], paused_parts[#paused_parts + 1] = part, paused_part
end
-- Only what is there is removed: no key may be touched after it was emptied, for it may be on its way to another node.
for i, part in ipairs(parts) do
  remove_orders(namespace, nil, stream, part, {[user_id] = part}, paused_parts[i])
end
record_change(namespace, stream, 'cancel_all', '', user_id)
answer(sessions, session, request_number, tostring(#order_ids))
return order_ids
