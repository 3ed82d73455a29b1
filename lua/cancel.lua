--- Cancels an order, ACTIVE or PAUSED: it is removed from every key.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config directory
--- ARGV: session request_number epoch namespace owner ('' for any user's order) order_id
--- REPLY: 'y' cancelled; 'n' it is not live, or not of the owner; 'STALE'
--- @include "change"
--- @include "stream_of"
--- @include "user_of"
--- @include "unreadable"
--- @include "remove_orders"
local sessions, config, directory = unpack(KEYS)
local session, request_number, epoch, namespace, owner, order_id = unpack(ARGV)

local done = answer_without_change(sessions, config, session, request_number, epoch)
if done then
  return done
end
local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return answer(sessions, session, request_number, 'n', true)
end
local user_id = owner ~= '' and owner or user_of(redis.call('HGET', stream_key(namespace, stream, 'orders'), order_id))
if not user_id then
  return unreadable()
end
local order_ids = {order_id}
remove_orders(namespace, directory, stream, order_ids, {[user_id] = order_ids})
return answer(sessions, session, request_number, 'y')
