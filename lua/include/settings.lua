--- Whether the namespace has other settings than the caller knows: the caller must then do nothing and answer 'STALE'.
--- Otherwise a client with old settings could split a user over two streams. To compare num_streams is not enough:
--- 3, 4, 3 would look like no change.
local function has_other_settings(config, epoch)
  return redis.call('HGET', config, 'epoch') ~= epoch
end
