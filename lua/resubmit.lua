--- Puts dead letters back into the queues of their streams. It stops at the first that has no room.
--- KEYS: sessions config intake events even_outcomes odd_outcomes dead letters declared... (the queues)
--- ARGV: session request_number epoch feed timed namespace ahead room wanted... (1 to 1,000; of each its stream and event id)
--- REPLY: a text with 'y' for each that waits again, 'n' for each that is no dead letter, or is known otherwise, or is
--- still too far ahead; it ends before the first that its full queue has no room for; 'STALE'
--- @include "session"
--- @include "queue_events"
local sessions, config, intake, events, even_outcomes, odd_outcomes, dead, letters = unpack(KEYS, 1, 8)
local session, request_number, epoch, feed, timed, namespace, ahead, room = unpack(ARGV, 1, 8)
local wanted, first = ARGV, 9

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
local answers, found, ended, offsets, left = {}, {}, {}, {}, {}
local too_early = clock_text() + ahead
for at = first, #wanted, 2 do
  local stream, event_id = wanted[at], wanted[at + 1]
  local letter = redis.call('HGET', letters, event_id)
  local outcome = redis.call('HGET', even_outcomes, event_id) or redis.call('HGET', odd_outcomes, event_id)
  local is_known = redis.call('HEXISTS', events, event_id) == 1 or outcome and not string.find(outcome, '^refused ')
  left[stream] = left[stream] or room - redis.call('ZCARD', stream_key(namespace, stream, 'waiting'))
  local time, text = string.match(letter or '', '^%S+ (%d+) (.*)$')
  if not time or is_known or ended[event_id] or tonumber(time) > too_early then
    answers[#answers + 1] = 'n'
  elseif left[stream] <= 0 then
    break
  else
    answers[#answers + 1] = 'y'
    left[stream] = left[stream] - 1
    offsets[#offsets + 1] = #found + 1
    found[#found + 1], found[#found + 2], found[#found + 3], found[#found + 4] = stream, event_id, time, text
  end
  ended[event_id] = ended[event_id] or letter and (is_known or answers[#answers] == 'y') or nil
end
queue_events(namespace, intake, events, found, offsets)
for event_id in pairs(ended) do
  redis.call('ZREM', dead, event_id)
  redis.call('HDEL', letters, event_id)
end
for at = 2, #found, 4 do
  redis.call('HDEL', even_outcomes, found[at])
  redis.call('HDEL', odd_outcomes, found[at])
end
return answer(sessions, session, request_number, table.concat(answers), not next(ended))
