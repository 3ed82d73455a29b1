--- Arms the dead man's switch of a user, or disarms it. What was armed before counts no more.
--- KEYS: sessions config due declared... (while orders move, due of the user's old home)
--- ARGV: session request_number epoch feed timed namespace user_id microseconds (from now; 0 disarms) streams... (the
--- user's home, and the old one while orders move)
--- REPLY: when all of the user's orders will be cancelled, in microseconds since 1970; '0' never; 'STALE'; 'DUE' and a
--- stream
--- @include "session"
--- @include "due_reply"
local sessions, config, due = unpack(KEYS, 1, 3)
local session, request_number, epoch, feed, timed, namespace, user_id, microseconds = unpack(ARGV, 1, 8)
local streams = {unpack(ARGV, 9)}

local done = answer_without_change(sessions, session, request_number, config, epoch)
if done then
  return done
end
timed_streams = timed
local overdue = due_reply(namespace, streams[1])
if overdue then
  return answer(sessions, session, request_number, overdue, true)
end
local member, deadline, changed = 'u:' .. user_id, '0', 0
if microseconds ~= '0' then
  deadline = string.format('%.0f', clock_text() + microseconds)
  redis.call('ZADD', due, deadline, member)
  changed = 1
end
for i, stream in ipairs(streams) do
  if i > 1 or microseconds == '0' then
    changed = changed + redis.call('ZREM', stream_key(namespace, stream, 'due'), member)
  end
end
return answer(sessions, session, request_number, deadline, changed == 0)
