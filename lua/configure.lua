--- Sets fields of the config of a namespace. Where one of them changes, all clients learn that by a new epoch.
--- KEYS: sessions config
--- ARGV: session request_number namespace ('' on Redis Cluster, where each stream is told) fields... (of each its name
--- and its text, '' to remove it)
--- REPLY: 'y' changed; 'n' all were so already; '' no such namespace, or it is being dropped
--- @include "session"
--- @include "next_epoch"
--- @include "stream_key"
--- @include "end_feed"
local sessions, config = unpack(KEYS)
local session, request_number, namespace = unpack(ARGV, 1, 3)
local fields, first = ARGV, 4

local done = answer_without_change(sessions, session, request_number)
if done then
  return done
end
local known = redis.call('HMGET', config, 'num_streams', 'moving_from', 'most_streams', 'dropping')
if not known[1] or known[4] then
  return answer(sessions, session, request_number, '', true)
end
local changed = {}
for at = first, #fields, 2 do
  if (redis.call('HGET', config, fields[at]) or '') ~= fields[at + 1] then
    changed[#changed + 1] = at
  end
end
if #changed == 0 then
  return answer(sessions, session, request_number, 'n', true)
end
-- A write that full memory does not refuse, and after which it does not refuse the next either: what is switched off
-- frees memory.
redis.call('HDEL', config, 'none')
redis.call('HSET', config, 'epoch', next_epoch(config))
for _, at in ipairs(changed) do
  if fields[at + 1] == '' then
    redis.call('HDEL', config, fields[at])
    if fields[at] == 'feed' and namespace ~= '' then
      for stream = 0, math.max(known[1], known[2] or 0, known[3] or 0) - 1 do
        end_feed(stream_key(namespace, stream, 'changes'), stream_key(namespace, stream, 'changed'))
      end
    end
  else
    redis.call('HSET', config, fields[at], fields[at + 1])
  end
end
return answer(sessions, session, request_number, 'y')
