--- Takes a part off the amount of a live order, exactly. Where nothing is left the order is filled, and gone.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner ('' for any user's order) order_id by most_digits
--- REPLY: the amount that is left; 'n' it is not live, or not of the owner; 'MORE' and the amount, where by is more;
--- 'DIGITS' and how many, where what is left would have more than most_digits; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "live_record"
--- @include "reduce_order"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner, order_id, by, most_digits = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local record, stream, due = live_record(directory, namespace, order_id, owner)
if not record then
  return answer(sessions, session, request_number, due or 'n', true)
end
local reply, is_unwritten = reduce_order(namespace, directory, stream, order_id, record, by, most_digits)
if type(reply) == 'table' then
  return reply
end
return answer(sessions, session, request_number, reply, is_unwritten)
