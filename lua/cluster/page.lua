--- Reads the next orders of one stream in placement order.
--- KEYS: config sequence orders placed paused declared... (due, where there are deadlines)
--- ARGV: epoch timed namespace stream above (a sequence number, itself left out) below (the same, or '+inf') limit (1 to 5000)
--- told (a number
--- that the caller has seen in another stream, or '0')
--- REPLY: 'STALE'; 'DUE' and a stream; or {1 where there may be more and 0 at the end, the sequence number up to which all was read: an order
--- that is placed later has a larger one, and what order_columns says}
--- @include "clock"
--- @include "order_columns"
--- @include "due_reply"
local config, sequence, orders, placed, paused = unpack(KEYS, 1, 5)
local epoch, timed, namespace, stream, above, below, limit, told = unpack(ARGV)

-- A stream that was told nothing yet, or only of a namespace that is gone, has no orders.
local known = redis.call('HGET', config, 'epoch')
if known and known - epoch > 0 then
  return 'STALE'
end
timed_streams = timed
local due = due_reply(namespace, stream)
if due then
  return due
end
local run = redis.call('ZRANGEBYSCORE', placed, '(' .. above, '(' .. below, 'WITHSCORES', 'LIMIT', 0, limit)
local count = #run / 2
if count == tonumber(limit) then
  return {1, run[#run], order_columns(run, count, orders, paused)}
end
local now = clock_text()
local last = redis.call('GET', sequence) or '0'
local ahead = told - last
if ahead > 0 and told - now < 60000000 then
  -- Refused at full memory and on a replica: an order may then get a smaller number than one that was read before it.
  local reply = redis.pcall('SET', sequence, told)
  last = reply.err and last or told
end
local up_to = now - 1 - last > 0 and string.format('%.0f', now - 1) or last
return {0, up_to, order_columns(run, count, orders, paused)}
