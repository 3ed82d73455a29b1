--- Resumes, one after the other, those of some orders that are PAUSED.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner ('' for any user's orders)
--- order_ids... (at most 1,000)
--- REPLY: a text with 'y' for each order that was resumed, 'n' for each that was not; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "set_status_of_many"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner = unpack(ARGV, 1, 7)
local order_ids, first = ARGV, 8

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local answers, is_unwritten = set_status_of_many('SREM', namespace, directory, owner, order_ids, first)
return answer(sessions, session, request_number, answers, is_unwritten)
