--- Applies events of a stream that are due, in the order of their times and ids, and keeps their outcomes.
--- The ids of new orders were claimed before. It stops before the first event that is not the one that the caller saw, or
--- whose claim is void. May run twice.
--- KEYS: config sequence orders placed paused intake events even_outcomes odd_outcomes dead letters waiting users...
--- (the sets of the events' users; behind them, declared, the fences of the claims)
--- ARGV: epoch feed timed namespace stream window quiet remember claimed_at behind num_users seen... (1 to 1,000; of each event its id
--- and, where it is a place, the token of its claim, or 'n' where its order's id is live; else '')
--- REPLY: {how many were applied, ids of the orders that were removed, last sequence number}; 'STALE'; 'DUE' and a stream
--- @include "settings"
--- @include "record_change"
--- @include "due_events"
--- @include "pinned_keys"
--- @include "apply_event"
--- @include "apply_due"
--- @include "due_reply"
local config, sequence, orders, placed, paused, intake, events, even_outcomes, odd_outcomes, dead, letters, waiting =
  unpack(KEYS, 1, 12)
local epoch, feed, timed, namespace, stream, window, quiet, remember, claimed_at, behind, num_users = unpack(ARGV, 1, 11)
local users, first_user = KEYS, 13
local seen, first = ARGV, 12

if has_other_settings(config, epoch) then
  return 'STALE'
end
local due, watermark = due_events(intake, waiting, window, quiet, (#seen - first + 1) / 2)
-- Older than this a claim may have outlived its fence, which stands for an hour.
local are_too_old = clock_text() - claimed_at > 600 * 1000000
local verdicts, count = {}, 0
for i = 1, #due / 2 do
  local event_id, verdict = seen[first + 2 * i - 2], seen[first + 2 * i - 1]
  local is_claim = verdict ~= '' and verdict ~= 'n'
  if due[2 * i - 1] ~= event_id
    or is_claim and (are_too_old or redis.call('EXISTS', stream_key(namespace, stream, 'fence:' .. verdict)) == 1) then
    break
  end
  verdicts[i], count = verdict, i
end
if count == 0 then
  return {0, {}, '0'}
end
local keys = {intake = intake, events = events, even_outcomes = even_outcomes, odd_outcomes = odd_outcomes, dead = dead,
  letters = letters, waiting = waiting}
local removed, sets = {}, {paused, unpack(users, first_user, first_user + num_users - 1)}
due = {unpack(due, 1, 2 * count)}
feed_length, timed_streams = feed, timed
local overdue = due_reply(namespace, stream)
if overdue then
  return overdue
end
pin_keys(config, orders, placed, sets, timed ~= '' and stream_key(namespace, stream, 'due'))
apply_due(keys, namespace, stream, due, watermark, remember, function(event, text, i)
  if event.op == 'place' and verdicts[i] == '' then
    return nil, 'unreadable' -- to its caller, who has not claimed its id
  elseif event.op == 'place' and (verdicts[i] == 'n' or redis.call('HEXISTS', orders, event.order_id) == 1) then
    return 'n'
  end
  return apply_event(namespace, nil, sequence, stream, {stream}, event, text, removed, behind)
end)
unpin_keys(orders, placed, sets, timed ~= '' and stream_key(namespace, stream, 'due'))
return {count, removed, redis.call('GET', sequence) or '0'}
