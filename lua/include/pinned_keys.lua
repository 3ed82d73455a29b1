--- Keeps a stream's keys from becoming empty, and so from going, while a script removes from them and adds to them. On
--- Redis Cluster a key that is gone may be on its way to another node with its slot: to touch it again then stops the
--- script in the middle. No id is empty, so the member that is added is nobody's.
local function pin_keys(config, orders, placed, sets, due)
  -- A write that full memory does not refuse, and after which it does not refuse the next either.
  redis.call('HDEL', config, 'none')
  redis.call('HSET', orders, '', '')
  redis.call('ZADD', placed, 0, '')
  for _, set in ipairs(sets) do
    redis.call('SADD', set, '')
  end
  if due then
    redis.call('ZADD', due, '+inf', '')
  end
end

local function unpin_keys(orders, placed, sets, due)
  redis.call('HDEL', orders, '')
  redis.call('ZREM', placed, '')
  for _, set in ipairs(sets) do
    redis.call('SREM', set, '')
  end
  if due then
    redis.call('ZREM', due, '')
  end
end
