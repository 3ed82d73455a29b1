--- Reads the config of a namespace, and what else must be known when it is opened.
--- KEYS: config
--- ARGV: (none)
--- REPLY: {schema_version, num_streams, directory_shards, epoch, dropping, copying, placement, moving_from, feed, timed,
--- most_streams, intake_window, intake_quiet, intake_late, intake_ahead, intake_limit, intake_remember} of the namespace, nil
--- for each field that is not there, and '?' for the first where the config is no hash; the server's maxmemory-policy, nil where it does not say, or not to this user; and
--- whether it is a node of a Redis Cluster: 1, 0, nil where it does not say
local config = unpack(KEYS)

local fields = {
  'schema_version', 'num_streams', 'directory_shards', 'epoch', 'dropping', 'copying', 'placement', 'moving_from',
  'feed', 'timed', 'most_streams',
  'intake_window', 'intake_quiet', 'intake_late', 'intake_ahead', 'intake_limit', 'intake_remember',
}
local reply = redis.pcall('HMGET', config, unpack(fields))
if reply.err then
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then
    return reply
  end
  reply = {'?'}
  for i = 2, #fields do
    reply[i] = false
  end
end
local info = redis.pcall('INFO', 'memory')
reply[#fields + 1] = type(info) == 'string' and string.match(info, 'maxmemory_policy:([%w-]+)') or false
info = redis.pcall('INFO', 'cluster')
local is_enabled = type(info) == 'string' and string.match(info, 'cluster_enabled:(%d)')
reply[#fields + 2] = is_enabled and tonumber(is_enabled) or false
return reply
