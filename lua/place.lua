--- Places an order, ACTIVE, unless its id is live anywhere in the namespace.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch namespace order... (its stream, order id, user id and record)
--- REPLY: 'y' placed; 'n' its id is live; 'STALE'
--- @include "change"
--- @include "stream_of"
--- @include "insert_orders"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, namespace = unpack(ARGV, 1, 4)
local order, first = ARGV, 5

local done = answer_without_change(sessions, config, session, request_number, epoch)
if done then
  return done
end
if stream_of(directory, namespace, order[first + 1], '') then
  return answer(sessions, session, request_number, 'n', true)
end
insert_orders(namespace, directory, sequence, order, {first})
return answer(sessions, session, request_number, 'y')
