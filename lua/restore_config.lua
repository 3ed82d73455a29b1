--- Gives a namespace settings that its config has lost, and an epoch later than all that its streams know.
--- May run twice: it looks again whether they still are what the caller saw.
--- KEYS: config
--- ARGV: settings_epoch (the latest that a stream knows, '0' for none) fields... (of each its name, its text as the caller
--- saw it, and the text that it is to have; '' for none)
--- REPLY: 1 restored; 0 it has other settings by now
--- @include "next_epoch"
local config = unpack(KEYS)
local settings_epoch = unpack(ARGV, 1, 1)
local fields = {unpack(ARGV, 2)}

local known = redis.call('HGET', config, 'epoch')
if #fields == 0 and (not known or known - settings_epoch >= 0) then
  return 0
end
for at = 1, #fields, 3 do
  if (redis.call('HGET', config, fields[at]) or '') ~= fields[at + 1] then
    return 0
  end
end
redis.call('HDEL', config, #fields == 0 and 'dropping' or 'none')
for at = 1, #fields, 3 do
  if fields[at + 2] == '' or fields[at] == 'epoch' then
    redis.call('HDEL', config, fields[at])
  else
    redis.call('HSET', config, fields[at], fields[at + 2])
  end
end
-- Later: who knows the settings that were lost must not be taken for one who knows these.
local epoch = math.max(#fields == 0 and 0 or next_epoch(config), settings_epoch + 1)
redis.call('HSET', config, 'epoch', string.format('%.0f', epoch))
return 1
