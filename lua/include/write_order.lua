--- Writes an order into its keys.
--- @include "next_sequence"
local function write_order(directory, orders, placed, user, stream, order_id, record, sequence)
  redis.call('ZADD', placed, sequence_text(sequence), order_id)
  redis.call('HSET', orders, order_id, record)
  redis.call('SADD', user, order_id)
  redis.call('HSET', directory, order_id, stream)
end
