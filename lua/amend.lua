--- Changes the amount or the price of a live order, which keeps its place and status.
--- KEYS: sessions directory
--- ARGV: session request_number namespace order_id owner amount price (each of the last three may be '')
--- REPLY: 1 amended; 0 it is not live, or not of the owner
--- @include "session"
--- @include "stream_of"
local sessions, directory = unpack(KEYS)
local session, request_number, namespace, order_id, owner, amount, price = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return answer(sessions, session, request_number, 0)
end
local orders = stream_key(namespace, stream, 'orders')
-- The two stand last, and no quote in what a user wrote stands without a backslash: so this cannot match elsewhere.
local head, old_amount, middle, old_price, tail =
  string.match(redis.call('HGET', orders, order_id), '^(.*"amount":")([^"]*)(","price":")([^"]*)("})$')
if not head then
  return redis.error_reply('ERR the record of this order cannot be read')
end
amount = amount ~= '' and amount or old_amount
price = price ~= '' and price or old_price
redis.call('HSET', orders, order_id, head .. amount .. middle .. price .. tail)
return answer(sessions, session, request_number, 1)
