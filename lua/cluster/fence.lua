--- Sees whether an order is live in its stream; if not, it can bar the claim with this token from ever becoming one.
--- May run twice. In one script: between a look and a fence the order could be placed.
--- KEYS: orders fence declared... (due, where there are deadlines)
--- ARGV: timed namespace stream order_id seconds (for how long the fence stands; 0 for none)
--- REPLY: 1 it is live; 0 it is not, and the fence stands; 'DUE' and a stream
--- @include "due_reply"
local orders, fence = unpack(KEYS, 1, 2)
local timed, namespace, stream, order_id, seconds = unpack(ARGV)

timed_streams = timed
local due = due_reply(namespace, stream)
if due then
  return due
elseif redis.call('HEXISTS', orders, order_id) == 1 then
  return 1
end
if seconds ~= '0' then
  -- A write that full memory does not refuse, and after which it does not refuse the next: it lets entries be released.
  -- No id is empty.
  redis.call('HDEL', orders, '')
  redis.call('SETEX', fence, seconds, '')
end
return 0
