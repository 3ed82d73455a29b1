--- Removes entries from a shard of the directory, each only if it still stands there. May run twice.
--- KEYS: directory
--- ARGV: entries... (1 to 1,000; order id and entry of each)
--- REPLY: how many were removed
local directory = unpack(KEYS)
local entries = ARGV

local order_ids, released = {}, {}
for at = 1, #entries, 2 do
  order_ids[#order_ids + 1] = entries[at]
end
for i, found in ipairs(redis.call('HMGET', directory, unpack(order_ids))) do
  if found == entries[2 * i] then
    released[#released + 1] = order_ids[i]
  end
end
return #released > 0 and redis.call('HDEL', directory, unpack(released)) or 0
