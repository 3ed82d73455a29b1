--- Reads some orders of one stream: {order ids, sequence numbers, records, 1 paused or 0}, four lists of one length.
local function order_columns(order_ids, orders, placed, paused)
  if #order_ids == 0 then
    return {{}, {}, {}, {}}
  end
  return {
    order_ids,
    redis.call('ZMSCORE', placed, unpack(order_ids)),
    redis.call('HMGET', orders, unpack(order_ids)),
    redis.call('SMISMEMBER', paused, unpack(order_ids)),
  }
end
