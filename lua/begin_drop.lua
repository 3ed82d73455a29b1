--- Begins to drop a namespace: from now on nobody can place an order in it.
--- KEYS: sessions config sequence
--- ARGV: session request_number dropping (letters that name this drop) num_streams (0, which no client has)
--- REPLY: the letters that name the drop: these, or those of one that was begun before; 0 there is no such namespace
--- @include "session"
local sessions, config, sequence = unpack(KEYS)
local session, request_number, dropping, num_streams = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if redis.call('EXISTS', config) == 0 then
  return answer(sessions, session, request_number, 0)
end
local begun = redis.call('HGET', config, 'dropping')
-- A right that only dropping needs, before anything is begun; and a command that full memory does not refuse, after
-- which it does not refuse the next.
redis.call('UNLINK', sequence)
if begun then
  return answer(sessions, session, request_number, begun)
end
redis.call('HSET', config, 'dropping', dropping, 'num_streams', num_streams)
return answer(sessions, session, request_number, dropping)
