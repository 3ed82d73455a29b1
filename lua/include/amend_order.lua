--- Changes the amount or the price of an order whose record was read, where it is as expected; each of the four texts
--- may be ''. Returns 'y' or 'n', and whether nothing was written; or an error where the record cannot be read.
--- @include "numbers"
--- @include "unreadable"
--- @include "decimal"
--- @include "stream_key"
--- @include "record_amendment"
local function amend_order(namespace, stream, order_id, record, amount, price, expected_amount, expected_price)
  local old_amount, old_price = numbers_of(record)
  if not old_amount then
    return unreadable()
  end
  local is_as_expected = (expected_amount == '' or equal_decimals(old_amount, expected_amount))
    and (expected_price == '' or equal_decimals(old_price, expected_price))
  if not is_as_expected then
    return 'n', true
  end
  record = with_numbers(record, amount ~= '' and amount or old_amount, price ~= '' and price or old_price)
  if not record then
    return unreadable()
  end
  redis.call('HSET', stream_key(namespace, stream, 'orders'), order_id, record)
  record_amendment('amend', namespace, stream, order_id, record)
  return 'y', false
end
