--- Begins to move a namespace's orders to another number of streams.
--- It joins who does so already, or turns round one that is under way. From now on new orders are placed in their new
--- streams.
--- KEYS: sessions config
--- ARGV: session request_number num_streams
--- REPLY: 'y' orders are to be moved now; 'n' there are so many streams, and nothing is to be moved; 'BUSY'
--- and the number of streams to which others are moving orders; '' no such namespace, or it is being dropped
--- @include "session"
--- @include "next_epoch"
local sessions, config = unpack(KEYS)
local session, request_number, num_streams = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number)
if done then
  return done
end
local known = redis.call('HMGET', config, 'num_streams', 'moving_from', 'dropping', 'most_streams')
local target, moving_from = known[1], known[2]
if not target or known[3] then
  return answer(sessions, session, request_number, '', true)
elseif target == num_streams then
  return answer(sessions, session, request_number, moving_from and 'y' or 'n', true)
elseif moving_from and moving_from ~= num_streams then
  return answer(sessions, session, request_number, 'BUSY ' .. target, true)
end
-- Of so many streams there may be a feed, which is read to its end also where its stream is gone.
local most_streams = math.max(num_streams, target, known[4] or 0)
-- Turned round, the streams to which orders may have been moved are those from which they are moved now.
-- Events that wait are moved before any worker applies one.
redis.call('HSET', config, 'num_streams', num_streams, 'moving_from', target, 'most_streams', most_streams,
  'events_moving', 1, 'epoch', next_epoch(config))
return answer(sessions, session, request_number, 'y')
