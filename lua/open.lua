--- Opens a namespace: creates its config if there is none, and reads it. Nothing that is there is changed.
--- A namespace without a config gets one with these numbers; the caller compares what comes back.
--- KEYS: config
--- ARGV: schema_version num_streams directory_shards
--- REPLY: {schema_version, num_streams, directory_shards} as the namespace now has them
local config = unpack(KEYS)
local schema_version, num_streams, directory_shards = unpack(ARGV)

if redis.call('EXISTS', config) == 0 then
  redis.call('HSET', config, 'schema_version', schema_version,
    'num_streams', num_streams, 'directory_shards', directory_shards)
end
return redis.call('HMGET', config, 'schema_version', 'num_streams', 'directory_shards')
