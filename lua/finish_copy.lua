--- Opens a namespace that a copy was made for, to all.
--- KEYS: sessions config
--- ARGV: session request_number epoch
--- REPLY: 'y' opened; 'STALE' it is another namespace by now, or it is being dropped
--- @include "session"
local sessions, config = unpack(KEYS)
local session, request_number, epoch = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
redis.call('HDEL', config, 'copying')
return answer(sessions, session, request_number, 'y')
