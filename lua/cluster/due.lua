--- Reads the events of a stream that are due, so that the ids of new orders can be claimed before they are applied.
--- Tells the stream the newest event time of all streams. May run twice.
--- KEYS: config intake events waiting
--- ARGV: epoch window quiet newest ('-1' if none is known) limit
--- REPLY: {newest event time of the stream, 1 if more may be due, microseconds until more are if nothing comes, -1 for
--- never, ids of the events, their texts}; 'STALE'
--- @include "settings"
--- @include "due_events"
--- @include "ids_and_texts"
local config, intake, events, waiting = unpack(KEYS)
local epoch, window, quiet, newest, limit = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
local latest = redis.call('HGET', intake, 'latest') or '-1'
if newest - latest > 0 then
  latest = newest
  redis.call('HSET', intake, 'latest', latest, 'latest_at', clock_text())
end
local due, _, quiet_in = due_events(intake, waiting, window, quiet, limit)
local event_ids, texts = ids_and_texts(events, due)
return {latest, #event_ids == tonumber(limit) and 1 or 0, quiet_in, event_ids, texts}
