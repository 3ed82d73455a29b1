--- Changes the amount or the price of a live order, which keeps its place in the listing and its status.
--- KEYS: sessions config declared... (orders; where there is an owner, the owner's set)
--- ARGV: session request_number epoch feed timed namespace stream owner order_id amount price expected_amount
--- expected_price
--- Owner and each of the last four may be ''.
--- REPLY: 'y' amended; 'n' it is not live, not of the owner, or not as expected; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "record_in_stream"
--- @include "amend_order"
local sessions, config = unpack(KEYS, 1, 2)
local session, request_number, epoch, feed, timed, namespace, stream, owner, order_id, amount, price,
  expected_amount, expected_price = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, stream)
if due then
  return answer(sessions, session, request_number, due, true)
end
local record = record_in_stream(namespace, stream, owner, order_id)
if not record then
  return answer(sessions, session, request_number, 'n', true)
end
local reply, is_unwritten =
  amend_order(namespace, stream, order_id, record, amount, price, expected_amount, expected_price)
if type(reply) == 'table' then
  return reply
end
return answer(sessions, session, request_number, reply, is_unwritten)
