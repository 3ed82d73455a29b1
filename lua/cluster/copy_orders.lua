--- Inserts orders as another store has them, into a stream of a namespace that is for their copy alone.
--- KEYS: sessions config sequence declared... (orders, placed, paused and the users' sets)
--- ARGV: session request_number epoch namespace stream last_number copied... (0 to 1,000; order id, user id, record,
--- sequence number, '1' for paused or '0', and deadline or '', of each)
--- REPLY: 'y' inserted; 'STALE'
--- @include "session"
--- @include "insert_copies"
local sessions, config, sequence = unpack(KEYS, 1, 3)
local session, request_number, epoch, namespace, stream, last_number = unpack(ARGV, 1, 6)
local copied, first = ARGV, 7

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
insert_copies(namespace, nil, sequence, stream, last_number, copied, first)
return answer(sessions, session, request_number, 'y')
