--- Moves orders of one user to the stream where the user's new orders are placed.
--- May run twice: it looks again which of them are still there.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: config directory declared... (of both streams orders, placed, paused and the user's set)
--- ARGV: epoch feed timed namespace from_stream to_stream user_id order_ids... (1 to 1,000)
--- REPLY: how many were moved; 'STALE'
--- @include "settings"
--- @include "record_change"
--- @include "move_orders"
local config, directory = unpack(KEYS, 1, 2)
local epoch, feed, timed, namespace, from_stream, to_stream, user_id = unpack(ARGV, 1, 7)
local order_ids = {unpack(ARGV, 8)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
feed_length = feed
-- The user's set says whose an order is: an id may be another user's by now, whose home this stream is.
local user = stream_key(namespace, from_stream, 'user:' .. user_id)
local found = redis.call('HMGET', stream_key(namespace, from_stream, 'orders'), unpack(order_ids))
local moved, records = {}, {}
for i, is_theirs in ipairs(redis.call('SMISMEMBER', user, unpack(order_ids))) do
  if is_theirs == 1 and found[i] then
    moved[#moved + 1], records[#records + 1] = order_ids[i], found[i]
  end
end
if #moved > 0 then
  move_orders(namespace, directory, from_stream, to_stream, user_id, moved, records)
end
return #moved
