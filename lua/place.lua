--- Places an order, ACTIVE, unless its id is live anywhere in the namespace.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch feed timed namespace stream order_id user_id record
--- REPLY: 'y' placed; 'n' its id is live; 'STALE'
--- @include "session"
--- @include "record_change"
--- @include "insert_order"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, feed, timed, namespace, stream, order_id, user_id, record = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
feed_length = feed
local is_placed = insert_order(namespace, directory, sequence, stream, order_id, user_id, record)
return answer(sessions, session, request_number, is_placed and 'y' or 'n')
