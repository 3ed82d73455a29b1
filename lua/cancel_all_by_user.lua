--- Cancels all orders of a user. Costs by their number, and touches the user's own streams alone.
--- These are one, or two while orders move to other streams.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config directory declared... (the user's set in each of these streams)
--- ARGV: session request_number epoch feed timed namespace user_id streams... (1 or 2)
--- REPLY: the number of orders that were cancelled; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "cancel_all"
local sessions, config, directory = unpack(KEYS, 1, 3)
local session, request_number, epoch, feed, timed, namespace, user_id = unpack(ARGV, 1, 7)
local streams = {unpack(ARGV, 8)}

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, streams[1])
if due then
  return answer(sessions, session, request_number, due, true)
end
local count = 0
for _, stream in ipairs(streams) do
  count = count + #cancel_all(namespace, directory, stream, user_id)
end
return answer(sessions, session, request_number, tostring(count), count == 0)
