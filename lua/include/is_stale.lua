--- Whether the caller chose a stream by another num_streams than the namespace has: it must then do nothing and
--- answer 'STALE', or an old or misconfigured client would split a user over two streams.
local function is_stale(config, num_streams)
  return redis.call('HGET', config, 'num_streams') ~= num_streams
end
