--- Claims order ids in a shard of the directory, each unless another entry than the one to take over stands there.
--- May run twice: a claim finds its own entry, and writes it again, for WAIT may wait only for what was written.
--- KEYS: directory
--- ARGV: claims... (1 to 1,000; order id, entry and the entry that it may take over, or '', of each)
--- REPLY: {microseconds since 1970, and of each claim the entry in its way, nil where it is claimed}
--- @include "clock"
local directory = unpack(KEYS)
local claims = ARGV

local order_ids = {}
for at = 1, #claims, 3 do
  order_ids[#order_ids + 1] = claims[at]
end
local reply, entries = {clock_text()}, {}
for i, found in ipairs(redis.call('HMGET', directory, unpack(order_ids))) do
  local entry, over = claims[3 * i - 1], claims[3 * i]
  local is_claimed = not found or found == over or found == entry
  if is_claimed then
    entries[#entries + 1], entries[#entries + 2] = order_ids[i], entry
  end
  reply[i + 1] = not is_claimed and found
end
if #entries > 0 then
  redis.call('HSET', directory, unpack(entries))
end
return reply
