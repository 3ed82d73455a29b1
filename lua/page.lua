--- Reads the next orders of all streams in placement order, at one moment.
--- A stream that has more than was read of it ends the page: behind its last order there may be one of its own next.
--- KEYS: config streams... (of each stream its orders, placed and paused)
--- ARGV: epoch timed namespace above (a sequence number, itself left out) below (the same, or '+inf') limit (at
--- most 5000)
--- REPLY: 'STALE'; 'DUE' and a stream; or {how many ids were read, sequence number of the page's end, nil at the end of
--- all, and of each stream that has orders in the page what order_columns says}
--- @include "settings"
--- @include "due_reply"
--- @include "order_columns"
local config = KEYS[1]
local streams, first = KEYS, 2
local epoch, timed, namespace, above, below, limit = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
timed_streams = timed
local due = due_reply(namespace, 0)
if due then
  return due
end
limit = tonumber(limit)
local runs, read, last = {}, 0, nil
for at = first, #streams, 3 do
  local run = redis.call('ZRANGEBYSCORE', streams[at + 1], '(' .. above, '(' .. below, 'WITHSCORES', 'LIMIT', 0, limit)
  runs[at] = run
  read = read + #run / 2
  if #run == 2 * limit then
    last = math.min(last or math.huge, tonumber(run[#run]))
  end
end
local reply = {read, last and string.format('%.0f', last) or false}
for at = first, #streams, 3 do
  local run = runs[at]
  local count = #run / 2
  while last and count > 0 and tonumber(run[2 * count]) > last do
    count = count - 1
  end
  if count > 0 then
    reply[#reply + 1] = order_columns(run, count, streams[at], streams[at + 2])
  end
end
return reply
