--- Moves orders of one user, and the user's dead man's switch, to the stream where the user's new orders are placed.
--- May run twice: it looks again which of them are still there.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: config directory declared... (of both streams orders, placed, paused and the user's set; due, where there are deadlines)
--- ARGV: epoch feed timed namespace from_stream to_stream user_id order_ids... (0 to 1,000)
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
feed_length, timed_streams = feed, timed
-- The user's set says whose an order is: an id may be another user's by now, whose home this stream is.
local user = stream_key(namespace, from_stream, 'user:' .. user_id)
local moved, records = {}, {}
if #order_ids > 0 then
  local found = redis.call('HMGET', stream_key(namespace, from_stream, 'orders'), unpack(order_ids))
  for i, is_theirs in ipairs(redis.call('SMISMEMBER', user, unpack(order_ids))) do
    if is_theirs == 1 and found[i] then
      moved[#moved + 1], records[#records + 1] = order_ids[i], found[i]
    end
  end
end
if #moved > 0 then
  move_orders(namespace, directory, from_stream, to_stream, user_id, moved, records)
end
local due, switch = stream_key(namespace, from_stream, 'due'), 'u:' .. user_id
local deadline = timed ~= '' and redis.call('ZSCORE', due, switch)
if deadline then
  redis.call('ZADD', stream_key(namespace, to_stream, 'due'), deadline, switch)
  redis.call('ZREM', due, switch)
end
return #moved
