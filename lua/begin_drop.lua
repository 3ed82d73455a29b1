--- Begins to drop a namespace: from now on nobody can open it, or place an order in it.
--- KEYS: sessions config
--- ARGV: session request_number num_streams (0, which is no number that any client has)
--- REPLY: 1 begun, or begun before; 0 there is no such namespace
--- @include "session"
local sessions, config = unpack(KEYS)
local session, request_number, num_streams = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if redis.call('EXISTS', config) == 0 then
  return answer(sessions, session, request_number, 0)
end
redis.call('HSET', config, 'dropping', '1', 'num_streams', num_streams)
return answer(sessions, session, request_number, 1)
