--- Places orders one after the other, ACTIVE, except each whose id is live by then anywhere in the namespace.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch feed timed namespace orders... (1 to 1,000; stream, order id, user
--- id and record of each)
--- REPLY: a text with 'y' for each order placed, 'n' for each whose id is live; 'STALE'
--- @include "session"
--- @include "record_change"
--- @include "insert_orders"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace = unpack(ARGV, 1, 6)
local orders, first = ARGV, 7

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length = feed
local order_ids = {}
for at = first, #orders, 4 do
  order_ids[#order_ids + 1] = orders[at + 1]
end
local known = redis.call('HMGET', directory, unpack(order_ids))
local new, seen, answers = {}, {}, {}
for i, order_id in ipairs(order_ids) do
  if known[i] or seen[order_id] then
    answers[i] = 'n'
  else
    answers[i], seen[order_id] = 'y', true
    new[#new + 1] = first + 4 * (i - 1)
  end
end
if #new > 0 then
  insert_orders(namespace, directory, sequence, orders, new)
end
return answer(sessions, session, request_number, table.concat(answers))
