--- Whether the namespace has other settings than the caller knows, who must then read them again.
local function has_other_settings(config, epoch)
  return redis.call('HGET', config, 'epoch') ~= epoch
end
