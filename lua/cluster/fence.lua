--- Sees whether an order is live in its stream, and if not, bars the claim with this token from ever becoming one.
--- May run twice. In one script: between a look and a fence the order could be placed.
--- KEYS: orders fence
--- ARGV: order_id seconds (for how long the fence stands)
--- REPLY: 1 it is live; 0 it is not, and the fence stands
local orders, fence = unpack(KEYS)
local order_id, seconds = unpack(ARGV)

if redis.call('HEXISTS', orders, order_id) == 1 then
  return 1
end
-- A write that full memory does not refuse, and after which it does not refuse the next: it lets entries be released.
-- No id is empty.
redis.call('HDEL', orders, '')
redis.call('SETEX', fence, seconds, '')
return 0
