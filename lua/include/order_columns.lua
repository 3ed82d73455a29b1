--- Reads some orders of one stream: {order ids, sequence numbers, records, flags}. The ids and the records are lists.
--- The numbers are one text with a space between two, and the flags are one text: of each order '1' paused or '0'.
--- So a client has half as many elements to parse.
--- `run` has, for each of the first `count` orders, the order id and its sequence number.
local function order_columns(run, count, orders, paused)
  if count == 0 then
    return {{}, '', {}, ''}
  end
  local order_ids, sequence_numbers = {}, {}
  for i = 1, count do
    order_ids[i], sequence_numbers[i] = run[2 * i - 1], run[2 * i]
  end
  return {
    order_ids,
    table.concat(sequence_numbers, ' '),
    redis.call('HMGET', orders, unpack(order_ids)),
    table.concat(redis.call('SMISMEMBER', paused, unpack(order_ids))),
  }
end
