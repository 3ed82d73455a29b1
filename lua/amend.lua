--- Changes the amount or the price of a live order, which keeps its place in the listing and its status.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch namespace owner order_id amount price expected_amount expected_price
--- Owner and each of the last four may be ''.
--- REPLY: 'y' amended; 'n' it is not live, not of the owner, or not as expected; 'STALE'
--- @include "session"
--- @include "live_record"
--- @include "numbers"
--- @include "unreadable"
--- @include "decimal"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, namespace, owner, order_id, amount, price, expected_amount, expected_price =
  unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
local record, stream = live_record(directory, namespace, order_id, owner)
if not record then
  return answer(sessions, session, request_number, 'n', true)
end
local old_amount, old_price = numbers_of(record)
if not old_amount then
  return unreadable()
end
local is_as_expected = (expected_amount == '' or equal_decimals(old_amount, expected_amount))
  and (expected_price == '' or equal_decimals(old_price, expected_price))
if not is_as_expected then
  return answer(sessions, session, request_number, 'n', true)
end
record = with_numbers(record, amount ~= '' and amount or old_amount, price ~= '' and price or old_price)
if not record then
  return unreadable()
end
redis.call('HSET', stream_key(namespace, stream, 'orders'), order_id, record)
return answer(sessions, session, request_number, 'y')
