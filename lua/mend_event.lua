--- Makes the keys of an event agree: it waits in the queue of its user's stream, or is a dead letter that is listed.
--- Where its text or its time is lost it becomes a dead letter. May run twice.
--- KEYS: events dead letters waiting (the queue in which it was found, or should be) home_waiting (its user's queue)
--- queues... (all in which it may wait)
--- ARGV: namespace stream is_dry ('1' only says what would be done) event_id
--- REPLY: what was done: 'moved' 'unqueued' 'listed' 'unlisted' 'lost'; '' nothing
--- @include "keep_letters"
--- @include "is_whole"
local events, dead, letters, waiting, home_waiting = unpack(KEYS, 1, 5)
local queues = {unpack(KEYS, 6)}
local namespace, stream, is_dry, event_id = unpack(ARGV)

local text, letter = redis.call('HGET', events, event_id), redis.call('HGET', letters, event_id)
local score, time, waits = redis.call('ZSCORE', waiting, event_id), nil, nil
for _, queue in ipairs(queues) do
  local found = redis.call('ZSCORE', queue, event_id)
  waits = waits or is_whole(found) and found
end
time = is_whole(score) and score
waits = waits or time
local listed_at, writes = redis.call('ZSCORE', dead, event_id), is_dry == ''
if score and not text or text and not waits then
  if writes then
    redis.call('ZREM', waiting, event_id)
    redis.call('HDEL', events, event_id)
    keep_letter(namespace, dead, letters, stream, event_id, waits or clock_text(), 'lost', text or '')
  end
  return text and 'unqueued' or 'lost'
elseif score and waiting ~= home_waiting then
  if writes and time then
    redis.call('ZADD', home_waiting, 'NX', time, event_id)
  end
  if writes then
    redis.call('ZREM', waiting, event_id)
  end
  return 'moved'
elseif letter and not is_whole(listed_at) then
  if writes then
    redis.call('ZADD', dead, clock_text(), event_id)
  end
  return 'listed'
elseif listed_at and not letter then
  if writes then
    redis.call('ZREM', dead, event_id)
  end
  return 'unlisted'
end
return ''
