--- Makes the directory agree with a stream about one order. May run twice.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: directory orders
--- ARGV: stream order_id
--- REPLY: 'added' the order is live there and had no entry; 'removed' the entry named the stream, where it is not live;
--- '' neither
local directory, orders = unpack(KEYS)
local stream, order_id = unpack(ARGV)

local entry = redis.call('HGET', directory, order_id)
local is_live = redis.call('HEXISTS', orders, order_id) == 1
if is_live and not entry then
  redis.call('HSET', directory, order_id, stream)
  return 'added'
elseif not is_live and entry == stream then
  redis.call('HDEL', directory, order_id)
  return 'removed'
end
return ''
