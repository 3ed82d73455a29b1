--- Takes a part off the amount of a live order, exactly. Where nothing is left the order is filled, and gone.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch namespace owner ('' for any user's order) order_id by most_digits
--- REPLY: the amount that is left; 'n' it is not live, or not of the owner; 'MORE' and the amount, where by is more;
--- 'DIGITS' and how many, where what is left would have more than most_digits; 'STALE'
--- @include "session"
--- @include "live_record"
--- @include "numbers"
--- @include "user_of"
--- @include "unreadable"
--- @include "decimal"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, namespace, owner, order_id, by, most_digits = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
local record, stream = live_record(directory, namespace, order_id, owner)
if not record then
  return answer(sessions, session, request_number, 'n', true)
end
local amount, price = numbers_of(record)
local user_id = user_of(record)
if not (amount and user_id) then
  return unreadable()
end
local left = subtract_decimals(amount, by)
if not left then
  return answer(sessions, session, request_number, 'MORE ' .. amount, true)
end
local _, digits = string.gsub(left, '%d', '')
if digits > tonumber(most_digits) then
  return answer(sessions, session, request_number, 'DIGITS ' .. digits, true)
end
if string.find(left, '[1-9]') then
  record = with_numbers(record, left, price)
  if not record then
    return unreadable()
  end
  redis.call('HSET', stream_key(namespace, stream, 'orders'), order_id, record)
else
  remove_order(namespace, directory, stream, order_id, user_id)
end
return answer(sessions, session, request_number, left)
