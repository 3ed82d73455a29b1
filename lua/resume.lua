--- Resumes an order that is PAUSED.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner ('' for any user's order) order_id
--- REPLY: 'y' resumed; 'n' it is not live, not of the owner, or not PAUSED; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "set_status"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner, order_id = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
return answer(sessions, session, request_number, set_status('SREM', namespace, directory, owner, order_id))
