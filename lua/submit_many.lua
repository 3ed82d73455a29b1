--- Takes events into the queues of their streams, where they wait until they are due; each event id once.
--- It stops at the first event that has no room.
--- KEYS: sessions config intake queued even_outcomes odd_outcomes dead letters declared... (the queues of the streams)
--- ARGV: session request_number epoch feed timed namespace window ahead room late remember events... (1 to 1,000; of each its
--- stream, id, time and text)
--- REPLY: a text with 'y' for each event that was taken, 'k' known already, 'l' late and refused, 'e' early and refused;
--- it ends before the first event that its full queue has no room for; 'STALE'
--- @include "session"
--- @include "clock"
--- @include "known_events"
--- @include "queue_events"
--- @include "keep_letters"
local sessions, config, intake, queued, even_outcomes, odd_outcomes, dead, letters = unpack(KEYS, 1, 8)
local session, request_number, epoch, feed, timed, namespace, window, ahead, room, late, remember = unpack(ARGV, 1, 11)
local events, first = ARGV, 12

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
local state = redis.call('HMGET', intake, 'latest', 'released', 'forgotten')
local latest, released, now = tonumber(state[1] or 0), tonumber(state[2] or 0), tonumber(clock_text())
local too_old = math.max(released - remember, tonumber(state[3] or 0))
local known = known_events({queued, even_outcomes, odd_outcomes}, events, first)
local left, answers, taken, refused, newest = {}, {}, {}, {}, latest
for at = first, #events, 4 do
  local stream, event_id, time = events[at], events[at + 1], tonumber(events[at + 2])
  left[stream] = left[stream] or room - redis.call('ZCARD', stream_key(namespace, stream, 'waiting'))
  local letter, is_late = 'y', time < math.max(released, newest - window)
  if known[event_id] then
    letter = 'k'
  elseif time > now + ahead then
    letter = 'e'
    refused[#refused + 1] = {at, 'early'}
  elseif time < too_old then
    letter = 'l'
    refused[#refused + 1] = {at, 'too_old'}
  elseif is_late and late == 'reject' then
    letter = 'l'
    refused[#refused + 1] = {at, 'late'}
  elseif left[stream] <= 0 then
    break
  else
    if is_late then
      redis.call('HINCRBY', stream_key(namespace, stream, 'intake'), 'late', 1)
      events[at + 3] = '{"late":true,' .. string.sub(events[at + 3], 2)
    end
    taken[#taken + 1] = at
    known[event_id], left[stream], newest = true, left[stream] - 1, math.max(newest, time)
  end
  answers[#answers + 1] = letter
end
queue_events(namespace, intake, queued, events, taken)
for _, each in ipairs(refused) do
  local stream, event_id, time, text = unpack(events, each[1], each[1] + 3)
  keep_letter(namespace, dead, letters, stream, event_id, time, each[2], text)
end
return answer(sessions, session, request_number, table.concat(answers), #taken + #refused == 0)
