--- Cancels, one after the other, those of some orders that are live: they are removed from every key.
--- Standalone only: the directory and the streams are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch namespace owner ('' for any user's orders) order_ids... (at most 1,000)
--- REPLY: a text with 'y' for each order that was cancelled, 'n' for each that was not; 'STALE'
--- @include "change"
--- @include "append_at"
--- @include "user_of"
--- @include "unreadable"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, namespace, owner = unpack(ARGV, 1, 5)
local order_ids = {unpack(ARGV, 6)}

local done = answer_without_change(sessions, config, session, request_number, epoch)
if done then
  return done
end
local listed, index_of, answers = {}, {}, {}
for i, stream in ipairs(redis.call('HMGET', directory, unpack(order_ids))) do
  local order_id = order_ids[i]
  answers[i] = 'n'
  if stream and not index_of[order_id] then
    index_of[order_id] = i
    append_at(listed, stream, order_id)
  end
end
local cancelled, users = {}, {}
for stream, listed_here in pairs(listed) do
  local users_here, owners = {}, {}
  if owner == '' then
    for i, record in ipairs(redis.call('HMGET', stream_key(namespace, stream, 'orders'), unpack(listed_here))) do
      owners[i] = record and user_of(record)
      if record and not owners[i] then
        return unreadable()
      end
    end
  else
    local user = stream_key(namespace, stream, 'user:' .. owner)
    for i, is_theirs in ipairs(redis.call('SMISMEMBER', user, unpack(listed_here))) do
      owners[i] = is_theirs == 1 and owner
    end
  end
  for i, order_id in ipairs(listed_here) do
    if owners[i] then
      answers[index_of[order_id]] = 'y'
      append_at(cancelled, stream, order_id)
      append_at(users_here, owners[i], order_id)
    end
  end
  users[stream] = users_here
end
if not next(cancelled) then
  return answer(sessions, session, request_number, table.concat(answers), true)
end
for stream, cancelled_here in pairs(cancelled) do
  remove_orders(namespace, directory, stream, cancelled_here, users[stream])
end
return answer(sessions, session, request_number, table.concat(answers))
