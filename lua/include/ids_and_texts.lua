--- The ids of due events, and what they ask for.
local function ids_and_texts(events, due)
  local event_ids = {}
  for i = 1, #due, 2 do
    event_ids[#event_ids + 1] = due[i]
  end
  return event_ids, #event_ids > 0 and redis.call('HMGET', events, unpack(event_ids)) or {}
end
