--- Reads the newest orders of one stream, the newest of them first.
--- KEYS: config orders placed paused
--- ARGV: epoch limit (1 to 5000)
--- REPLY: what order_columns says; 'STALE'
--- @include "settings"
--- @include "order_columns"
local config, orders, placed, paused = unpack(KEYS)
local epoch, limit = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
local run = redis.call('ZRANGE', placed, 0, limit - 1, 'REV', 'WITHSCORES')
return order_columns(run, #run / 2, orders, paused)
