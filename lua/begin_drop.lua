--- Begins to drop a namespace: from now on nobody can change an order in it, or list its orders.
--- KEYS: sessions config probe
--- ARGV: session request_number dropping (letters that name this drop)
--- REPLY: the letters that name the drop: these, or those of an earlier one; '' no such namespace
--- @include "session"
--- @include "next_epoch"
local sessions, config, probe = unpack(KEYS)
local session, request_number, dropping = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number)
if done then
  return done
end
if redis.call('EXISTS', config) == 0 then
  return answer(sessions, session, request_number, '', true)
end
local begun = redis.call('HGET', config, 'dropping')
-- A right that only dropping needs, before anything is begun; and a command that full memory does not refuse, after
-- which it does not refuse the next.
redis.call('UNLINK', probe)
if begun then
  return answer(sessions, session, request_number, begun)
end
redis.call('HSET', config, 'dropping', dropping, 'epoch', next_epoch(config))
return answer(sessions, session, request_number, dropping)
