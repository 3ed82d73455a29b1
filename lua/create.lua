--- Creates a namespace, unless there is one. With `copying` nobody can use it until finish_copy.
--- KEYS: sessions config
--- ARGV: session request_number schema_version num_streams directory_shards copying (letters that name the copy for
--- which it is, or '')
--- REPLY: 'y' created; 'n' there is one
--- @include "session"
--- @include "clock"
local sessions, config = unpack(KEYS)
local session, request_number, schema_version, num_streams, directory_shards, copying = unpack(ARGV)

local done = answer_without_change(sessions, session, request_number)
if done then
  return done
end
if redis.call('EXISTS', config) == 1 then
  return answer(sessions, session, request_number, 'n', true)
end
-- From the clock, so that a client of a namespace that was dropped does not take this one for it.
redis.call('HSET', config, 'schema_version', schema_version, 'epoch', clock_text(),
  'num_streams', num_streams, 'directory_shards', directory_shards)
if copying ~= '' then
  redis.call('HSET', config, 'copying', copying)
end
return answer(sessions, session, request_number, 'y')
