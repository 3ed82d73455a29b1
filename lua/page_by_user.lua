--- Reads named orders of one user, at one moment. Some may be gone by now.
--- KEYS: config streams... (those in which the user may have orders; of each its orders, placed and paused)
--- ARGV: epoch timed namespace stream (the user's home) order_ids... (1 to 5000)
--- REPLY: {sequence numbers, records, 1 paused or 0}, three lists in the order of the ids, nil where gone; 'STALE';
--- 'DUE' and a stream
--- @include "settings"
--- @include "due_reply"
local config = KEYS[1]
local streams, first = KEYS, 2
local epoch, timed, namespace, stream = unpack(ARGV, 1, 4)
local order_ids = {unpack(ARGV, 5)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
timed_streams = timed
local due = due_reply(namespace, stream)
if due then
  return due
end
local numbers, records, flags
for at = first, #streams, 3 do
  local numbers_here = redis.call('ZMSCORE', streams[at + 1], unpack(order_ids))
  local records_here = redis.call('HMGET', streams[at], unpack(order_ids))
  local flags_here = redis.call('SMISMEMBER', streams[at + 2], unpack(order_ids))
  if at == first then
    numbers, records, flags = numbers_here, records_here, flags_here
  else
    for i, number in ipairs(numbers_here) do
      if number then -- an id is live in one stream only
        numbers[i], records[i], flags[i] = number, records_here[i], flags_here[i]
      end
    end
  end
end
return {numbers, records, flags}
