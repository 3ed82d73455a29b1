--- Changes the amount or the price of a live order, which keeps its place in the listing and its status.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner order_id amount price expected_amount expected_price
--- Owner and each of the last four may be ''.
--- REPLY: 'y' amended; 'n' it is not live, not of the owner, or not as expected; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "live_record"
--- @include "amend_order"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner, order_id, amount, price, expected_amount,
  expected_price = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local record, stream, due = live_record(directory, namespace, order_id, owner)
if not record then
  return answer(sessions, session, request_number, due or 'n', true)
end
local reply, is_unwritten =
  amend_order(namespace, stream, order_id, record, amount, price, expected_amount, expected_price)
if type(reply) == 'table' then
  return reply
end
return answer(sessions, session, request_number, reply, is_unwritten)
