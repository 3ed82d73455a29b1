--- Which of some events are known: a table whose keys are their ids. They wait in a queue, or have an outcome. `events`
--- has, from `first` on, the stream, id, time and text of each.
local function known_events(keys, events, first)
  local event_ids, known = {}, {}
  for at = first, #events, 4 do
    event_ids[#event_ids + 1] = events[at + 1]
  end
  for _, key in ipairs(keys) do
    for i, found in ipairs(redis.call('HMGET', key, unpack(event_ids))) do
      if found then
        known[event_ids[i]] = true
      end
    end
  end
  return known
end
