--- Cancels, one after the other, those of some orders that are live: they are removed from every key.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch feed timed namespace owner ('' for any user's) order_ids... (at most 1,000)
--- REPLY: a text with 'y' for each order that was cancelled, 'n' for each that was not; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "order_ids_by_stream"
--- @include "due_reply_of_any"
--- @include "user_of"
--- @include "unreadable"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, owner = unpack(ARGV, 1, 7)
local order_ids, first = ARGV, 8

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
local by_stream, index_of, answers = order_ids_by_stream(directory, order_ids, first)
local due = due_reply_of_any(namespace, by_stream)
if due then
  return answer(sessions, session, request_number, due, true)
end
local cancelled, users = {}, {}
for stream, listed in pairs(by_stream) do
  local owners = {}
  if owner == '' then
    for i, record in ipairs(redis.call('HMGET', stream_key(namespace, stream, 'orders'), unpack(listed))) do
      owners[i] = record and user_of(record)
      if record and not owners[i] then
        return unreadable()
      end
    end
  else
    local user = stream_key(namespace, stream, 'user:' .. owner)
    for i, is_theirs in ipairs(redis.call('SMISMEMBER', user, unpack(listed))) do
      owners[i] = is_theirs == 1 and owner
    end
  end
  local cancelled_here, users_here = {}, {}
  for i, order_id in ipairs(listed) do
    local user_id = owners[i]
    if user_id then
      local ids = users_here[user_id] or {}
      ids[#ids + 1] = order_id
      users_here[user_id] = ids
      cancelled_here[#cancelled_here + 1] = order_id
      answers[index_of[order_id]] = 'y'
    end
  end
  if #cancelled_here > 0 then
    cancelled[stream], users[stream] = cancelled_here, users_here
  end
end
for stream, cancelled_here in pairs(cancelled) do
  remove_orders(namespace, directory, stream, cancelled_here, users[stream], nil, 'cancel')
end
return answer(sessions, session, request_number, table.concat(answers), not next(cancelled))
