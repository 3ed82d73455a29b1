--- Takes a part off the amount of an order whose record was read, exactly. Where nothing is left the order is removed.
--- Returns the reply: the amount that is left; 'MORE' and the amount, where `by` is more; 'DIGITS' and how many, where
--- what is left would have more than most_digits. Also whether nothing was written. Or an error, where the record cannot
--- be read or the user's set is elsewhere.
--- @include "stream_key"
--- @include "numbers"
--- @include "user_of"
--- @include "unreadable"
--- @include "set_elsewhere"
--- @include "decimal"
--- @include "remove_orders"
--- @include "record_amendment"
local function reduce_order(namespace, directory, stream, order_id, record, by, most_digits)
  local amount, price = numbers_of(record)
  local user_id = user_of(record)
  if not (amount and user_id) then
    return unreadable()
  end
  local left = subtract_decimals(amount, by)
  if not left then
    return 'MORE ' .. amount, true
  end
  local _, digits = string.gsub(left, '%d', '')
  if digits > tonumber(most_digits) then
    return 'DIGITS ' .. digits, true
  end
  if string.find(left, '[1-9]') then
    record = with_numbers(record, left, price)
    if not record then
      return unreadable()
    end
    redis.call('HSET', stream_key(namespace, stream, 'orders'), order_id, record)
    record_amendment('reduce', namespace, stream, order_id, record)
  else
    if not directory and redis.call('EXISTS', stream_key(namespace, stream, 'user:' .. user_id)) == 0 then
      return set_elsewhere() -- it is not declared
    end
    remove_order(namespace, directory, stream, order_id, user_id, 'fill')
  end
  return left, false
end
