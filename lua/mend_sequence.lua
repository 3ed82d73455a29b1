--- Makes the last sequence number assigned at least as large as that of the last order of a stream. May run twice.
--- KEYS: sequence placed
--- ARGV: is_dry ('1' only says what would be done)
--- REPLY: 1 mended; 0 nothing was to be mended; the id of the last order, where its number is more than a minute ahead of
--- the clock: the order needs another one
--- @include "is_whole"
--- @include "clock"
local sequence, placed = unpack(KEYS)
local is_dry = unpack(ARGV)

local last = redis.call('GET', sequence)
local order_id, number = unpack(redis.call('ZRANGE', placed, -1, -1, 'WITHSCORES'))
if not is_whole(number) then
  order_id, number = nil, '0'
end
local is_number, now = is_whole(last or '0'), clock_text()
if is_number and (last or 0) - number >= 0 then
  return 0
end
local is_ahead = number - now > 60000000
if is_dry == '' and not (is_number and is_ahead) then
  redis.call('SET', sequence, is_ahead and now or number)
end
return is_ahead and order_id or 1
