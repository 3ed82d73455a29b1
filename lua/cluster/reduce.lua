--- Takes a part off the amount of a live order, exactly. Where nothing is left the order is filled, and gone.
--- KEYS: sessions config declared... (orders, placed, paused and, where there is an owner, the owner's set)
--- ARGV: session request_number epoch feed timed namespace stream owner ('' for any user's order) order_id by
--- most_digits
--- REPLY: the amount that is left; 'n' it is not live, or not of the owner; 'MORE' and the amount, where by is more;
--- 'DIGITS' and how many, where what is left would have more than most_digits; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "record_in_stream"
--- @include "reduce_order"
local sessions, config = unpack(KEYS, 1, 2)
local session, request_number, epoch, feed, timed, namespace, stream, owner, order_id, by, most_digits = unpack(ARGV)

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
local reply, is_unwritten = reduce_order(namespace, nil, stream, order_id, record, by, most_digits)
if type(reply) == 'table' then
  return reply
end
return answer(sessions, session, request_number, reply, is_unwritten)
