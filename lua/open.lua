--- Opens a namespace: reads its config, or creates it where there is none. Changes nothing that is there.
--- KEYS: config
--- ARGV: create ('1', or '0' to only read) schema_version num_streams directory_shards
--- REPLY: {schema_version, num_streams, directory_shards, dropping} of the namespace, nil for what is not there, and
--- the server's maxmemory-policy, nil where it does not say, or not to this user
local config = unpack(KEYS)
local create, schema_version, num_streams, directory_shards = unpack(ARGV)

if create == '1' and redis.call('EXISTS', config) == 0 then
  redis.call('HSET', config, 'schema_version', schema_version,
    'num_streams', num_streams, 'directory_shards', directory_shards)
end
local reply = redis.call('HMGET', config, 'schema_version', 'num_streams', 'directory_shards', 'dropping')
local info = redis.pcall('INFO', 'memory')
reply[5] = type(info) == 'string' and string.match(info, 'maxmemory_policy:([%w-]+)') or false
return reply
