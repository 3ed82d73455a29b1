--- Places claimed orders of one stream, ACTIVE, one after the other, except each whose claim is void.
--- KEYS: sessions config sequence orders fences... (of each order; behind them, declared, placed and the users' sets)
--- ARGV: session request_number epoch feed timed namespace claimed_at behind new... (1 to 1,000; stream,
--- order id, user id, record and expires_at of each, as in place)
--- REPLY: a text with 'y' for each order placed, 'n' for each whose id is live, 'f' for each whose claim is void, and
--- behind a space the last sequence number, '0' if none was assigned; 'EXPIRED' and the id of the first whose expires_at is
--- not in the future; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "clock"
--- @include "due_reply"
--- @include "fix_deadlines"
--- @include "insert_order"
--- @include "insert_orders"
local sessions, config, sequence, orders = unpack(KEYS, 1, 4)
local fences, first_fence = KEYS, 5
local session, request_number, epoch, feed, timed, namespace, claimed_at, behind = unpack(ARGV, 1, 8)
local new, first = ARGV, 9

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local due = due_reply(namespace, new[first])
if due then
  return answer(sessions, session, request_number, due, true)
end
local expired = fix_deadlines(new, first)
if expired then
  return answer(sessions, session, request_number, 'EXPIRED ' .. expired, true)
end
local order_ids = {}
for at = first, #new, 5 do
  order_ids[#order_ids + 1] = new[at + 1]
end
local live = redis.call('HMGET', orders, unpack(order_ids))
local are_fenced = redis.call('EXISTS', unpack(fences, first_fence, first_fence + #order_ids - 1)) > 0
-- Older than this a claim may have outlived its fence, which stands for an hour.
local are_too_old = clock_text() - claimed_at > 600 * 1000000
local answers, claimed, number = {}, {}, '0'
for i = 1, #order_ids do
  local at = first + 5 * (i - 1)
  if live[i] then
    answers[i] = 'n'
  elseif are_too_old or are_fenced and redis.call('EXISTS', fences[first_fence + i - 1]) == 1 then
    answers[i] = 'f'
  else
    answers[i] = 'y'
    claimed[#claimed + 1] = at
  end
end
if #claimed == 1 then
  local stream, order_id, user_id, record, deadline = unpack(new, claimed[1], claimed[1] + 4)
  number = insert_order(namespace, nil, sequence, stream, order_id, user_id, record, deadline, behind)
elseif #claimed > 1 then
  number = insert_orders(namespace, nil, sequence, new, claimed, behind)
end
local reply = table.concat(answers) .. ' ' .. number
return answer(sessions, session, request_number, reply, #claimed == 0)
