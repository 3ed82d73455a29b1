--- Creates a namespace, unless there is one.
--- KEYS: sessions config
--- ARGV: session request_number schema_version num_streams directory_shards
--- REPLY: 1 created; 0 there is one
--- @include "session"
local sessions, config = unpack(KEYS)
local session, request_number, schema_version, num_streams, directory_shards = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if redis.call('EXISTS', config) == 1 then
  return answer(sessions, session, request_number, 0)
end
redis.call('HSET', config, 'schema_version', schema_version,
  'num_streams', num_streams, 'directory_shards', directory_shards)
return answer(sessions, session, request_number, 1)
