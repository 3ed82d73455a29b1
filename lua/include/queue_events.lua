--- Puts events into the queues of their streams. `offsets` says where in `words` each begins: its stream, id, time and
--- text. The first write is one that full memory refuses: so it refuses all. Notes the newest event time in `intake`.
--- @include "stream_key"
--- @include "clock"
local function queue_events(namespace, intake, queued, words, offsets)
  local times, texts = {}, {}
  local latest = tonumber(redis.call('HGET', intake, 'latest') or -1)
  local newest = latest
  for i, at in ipairs(offsets) do
    local stream, event_id = words[at], words[at + 1]
    local of_stream = times[stream] or {}
    of_stream[#of_stream + 1], of_stream[#of_stream + 2] = words[at + 2], event_id
    times[stream] = of_stream
    texts[2 * i - 1], texts[2 * i] = event_id, words[at + 3]
    newest = math.max(newest, words[at + 2])
  end
  for stream, of_stream in pairs(times) do
    redis.call('ZADD', stream_key(namespace, stream, 'waiting'), unpack(of_stream))
  end
  if #texts > 0 then
    redis.call('HSET', queued, unpack(texts))
  end
  if newest > latest then
    redis.call('HSET', intake, 'latest', string.format('%.0f', newest), 'latest_at', clock_text())
  end
end
