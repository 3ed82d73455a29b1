--- Cancels, one after the other, those of some orders of one stream that are live: they are removed from every key.
--- KEYS: sessions config declared... (orders, placed, paused and, where there is an owner, the owner's set)
--- ARGV: session request_number epoch feed timed namespace stream owner ('' for any user's orders)
--- order_ids... (1 to 1,000)
--- REPLY: a text with 'y' for each order that was cancelled, 'n' for each that was not; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "owners_in_stream"
--- @include "remove_orders"
local sessions, config = unpack(KEYS, 1, 2)
local session, request_number, epoch, feed, timed, namespace, stream, owner = unpack(ARGV, 1, 8)
local order_ids = {unpack(ARGV, 9)}

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, stream)
if due then
  return answer(sessions, session, request_number, due, true)
end
local owners = owners_in_stream(namespace, stream, owner, order_ids)
if owners.err then
  return owners
end
local answers, cancelled, users = {}, {}, {}
for i, order_id in ipairs(order_ids) do
  local user_id = owners[i]
  answers[i] = user_id and 'y' or 'n'
  if user_id then
    cancelled[#cancelled + 1] = order_id
    users[user_id] = users[user_id] or {}
    table.insert(users[user_id], order_id)
  end
end
if #cancelled > 0 then
  remove_orders(namespace, nil, stream, cancelled, users, nil, 'cancel')
end
return answer(sessions, session, request_number, table.concat(answers), #cancelled == 0)
