--- Reads the newest orders of some streams, at one moment, the newest of each stream first.
--- KEYS: config streams... (of each its orders, placed and paused)
--- ARGV: epoch timed namespace stream (whose deadlines are looked at, unless `timed` names more) limit (of each
--- stream, 1 to 5000)
--- REPLY: a list by stream of what order_columns says; 'STALE'; 'DUE' and a stream
--- @include "settings"
--- @include "due_reply"
--- @include "order_columns"
local config = KEYS[1]
local streams, first = KEYS, 2
local epoch, timed, namespace, stream, limit = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
timed_streams = timed
local due = due_reply(namespace, stream)
if due then
  return due
end
local reply = {}
for at = first, #streams, 3 do
  local run = redis.call('ZRANGE', streams[at + 1], 0, limit - 1, 'REV', 'WITHSCORES')
  reply[#reply + 1] = order_columns(run, #run / 2, streams[at], streams[at + 2])
end
return reply
