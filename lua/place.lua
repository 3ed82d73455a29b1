--- Places an order, ACTIVE, unless its id is live anywhere in the namespace.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch feed timed namespace stream order_id user_id record
--- expires_at (microseconds since 1970, or + and microseconds from now on; '' for never)
--- REPLY: 'y' placed; 'n' its id is live; 'EXPIRED' and the id, where expires_at is not in the future; 'STALE'; 'DUE' and a stream
--- @include "session"
--- @include "record_change"
--- @include "due_reply"
--- @include "deadline_of"
--- @include "insert_order"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, stream, order_id, user_id, record, expires_at =
  unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length, timed_streams = feed, timed
if timed ~= '' then
  -- Also of its own stream: a switch that has fired is not to cancel what is placed afterwards.
  local held_by = redis.call('HGET', directory, order_id)
  local due = due_reply(namespace, stream) or held_by and due_reply(namespace, held_by)
  if due then
    return answer(sessions, session, request_number, due, true)
  end
end
local deadline = deadline_of(expires_at)
if not deadline then
  return answer(sessions, session, request_number, 'EXPIRED ' .. order_id, true)
end
local is_placed = insert_order(namespace, directory, sequence, stream, order_id, user_id, record, deadline)
return answer(sessions, session, request_number, is_placed and 'y' or 'n')
