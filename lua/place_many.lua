--- Places orders one after the other, ACTIVE, except each whose id is live by then anywhere in the namespace.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch feed timed namespace orders... (1 to 1,000; stream, order id, user
--- id, record and expires_at of each, as in place)
--- REPLY: a text with 'y' for each order placed, 'n' for each whose id is live; 'EXPIRED' and the id of the
--- first whose expires_at is not in the future; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply_of_any"
--- @include "fix_deadlines"
--- @include "insert_orders"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace = unpack(ARGV, 1, 6)
local orders, first = ARGV, 7

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local order_ids, streams = {}, {}
for at = first, #orders, 5 do
  order_ids[#order_ids + 1], streams[orders[at]] = orders[at + 1], true
end
local known = redis.call('HMGET', directory, unpack(order_ids))
for i = 1, timed ~= '' and #order_ids or 0 do
  streams[known[i] or orders[first]] = true -- also those that hold the ids
end
local due = due_reply_of_any(namespace, streams)
if due then
  return answer(sessions, session, request_number, due, true)
end
local expired = fix_deadlines(orders, first)
if expired then
  return answer(sessions, session, request_number, 'EXPIRED ' .. expired, true)
end
local new, seen, answers = {}, {}, {}
for i, order_id in ipairs(order_ids) do
  if known[i] or seen[order_id] then
    answers[i] = 'n'
  else
    answers[i], seen[order_id] = 'y', true
    new[#new + 1] = first + 5 * (i - 1)
  end
end
if #new > 0 then
  insert_orders(namespace, directory, sequence, orders, new)
end
return answer(sessions, session, request_number, table.concat(answers))
