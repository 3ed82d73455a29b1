--- Inserts orders as another store has them, into a namespace that is for their copy alone.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number epoch namespace stream last_number copied... (0 to 1,000; order id, user id, record,
--- sequence number, '1' for paused or '0', and deadline or '', of each)
--- REPLY: 'y' inserted; 'STALE'
--- @include "session"
--- @include "insert_copies"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, epoch, namespace, stream, last_number = unpack(ARGV, 1, 6)
local copied, first = ARGV, 7

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
insert_copies(namespace, directory, sequence, stream, last_number, copied, first)
return answer(sessions, session, request_number, 'y')
