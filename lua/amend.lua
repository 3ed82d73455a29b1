--- Changes the amount or the price of a live order, which keeps its place in the listing and its status.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch namespace owner order_id amount price expected_amount expected_price
--- Owner and each of the last four may be ''.
--- REPLY: 'y' amended; 'n' it is not live, not of the owner, or not as expected; 'STALE'
--- @include "change"
--- @include "stream_of"
--- @include "record"
--- @include "decimal"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, namespace, owner, order_id, amount, price, expected_amount, expected_price =
  unpack(ARGV)

local done = answer_without_change(sessions, config, session, request_number, epoch)
if done then
  return done
end
local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return answer_unchanged(sessions, session, request_number, 'n')
end
local orders = stream_key(namespace, stream, 'orders')
local record = redis.call('HGET', orders, order_id)
local fields = decode_record(record)
if not fields then
  return UNREADABLE
end
local as_expected = (expected_amount == '' or equal_decimals(fields.amount, expected_amount))
  and (expected_price == '' or equal_decimals(fields.price, expected_price))
if not as_expected then
  return answer_unchanged(sessions, session, request_number, 'n')
end
record = with_text(record, 'amount', fields.amount, amount ~= '' and amount or fields.amount)
record = record and with_text(record, 'price', fields.price, price ~= '' and price or fields.price)
if not record then
  return UNREADABLE
end
redis.call('HSET', orders, order_id, record)
return answer(sessions, session, request_number, 'y')
