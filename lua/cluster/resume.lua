--- Resumes, one after the other, those of some orders of one stream that are PAUSED.
--- KEYS: sessions config declared... (placed, paused and, where there is an owner, the owner's set)
--- ARGV: session request_number epoch feed timed namespace stream owner ('' for any user's orders)
--- order_ids... (1 to 1,000)
--- REPLY: a text with 'y' for each order that was resumed, 'n' for each that was not; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "set_status_in_stream"
local sessions, config = unpack(KEYS, 1, 2)
local session, request_number, epoch, feed, timed, namespace, stream, owner = unpack(ARGV, 1, 8)
local order_ids = {unpack(ARGV, 9)}

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, stream)
if due then
  return answer(sessions, session, request_number, due, true)
end
local answers, is_unwritten = set_status_in_stream('SREM', namespace, stream, owner, order_ids)
return answer(sessions, session, request_number, answers, is_unwritten)
