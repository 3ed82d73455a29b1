--- Applies the events of a stream that are due, in the order of their times and ids, and keeps their outcomes.
--- May run twice: what was applied does not wait any more.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: config sequence directory intake events even_outcomes odd_outcomes dead letters waiting
--- ARGV: epoch feed timed namespace stream window quiet remember limit streams... (where a user's orders may be)
--- REPLY: {how many were applied, 1 if more may be due, microseconds until more are if nothing comes, -1 for never};
--- 'MOVING' events are in the queues of streams that are not their own any more; 'STALE'; 'DUE' and a stream
--- @include "record_change"
--- @include "due_events"
--- @include "apply_event"
--- @include "apply_due"
--- @include "due_reply"
local config, sequence, directory, intake, events, even_outcomes, odd_outcomes, dead, letters, waiting = unpack(KEYS)
local epoch, feed, timed, namespace, stream, window, quiet, remember, limit = unpack(ARGV, 1, 9)
local streams = {unpack(ARGV, 10)}

local settings = redis.call('HMGET', config, 'epoch', 'events_moving')
if settings[1] ~= epoch then
  return 'STALE'
elseif settings[2] then
  return 'MOVING'
end
local due, watermark, quiet_in = due_events(intake, waiting, window, quiet, limit)
if #due == 0 then
  return {0, 0, quiet_in}
end
local keys = {
  intake = intake, events = events, even_outcomes = even_outcomes, odd_outcomes = odd_outcomes, dead = dead,
  letters = letters, waiting = waiting,
}
-- Of all streams: any may hold the id of an order to place.
feed_length, timed_streams = feed, timed
local overdue = due_reply(namespace, stream)
if overdue then
  return overdue
end
local removed = {}
apply_due(keys, namespace, stream, due, watermark, remember, function(event, text)
  return apply_event(namespace, directory, sequence, stream, streams, event, text, removed)
end)
return {#due / 2, #due == 2 * limit and 1 or 0, quiet_in}
