--- Cancels an order, ACTIVE or PAUSED: it is removed from every key.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner ('' for any user's order) order_id
--- REPLY: 'y' cancelled; 'n' it is not live, or not of the owner; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "live_record"
--- @include "user_of"
--- @include "unreadable"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner, order_id = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local record, stream, due = live_record(directory, namespace, order_id, owner)
if not record then
  return answer(sessions, session, request_number, due or 'n', true)
end
local user_id = user_of(record)
if not user_id then
  return unreadable()
end
remove_order(namespace, directory, stream, order_id, user_id, 'cancel')
return answer(sessions, session, request_number, 'y')
