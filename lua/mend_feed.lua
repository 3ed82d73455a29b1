--- Ends a change feed whose entries are not those that their last number says.
--- Its readers then see that changes are missing, and it begins again with the next change. May run twice.
--- KEYS: changes changed
--- ARGV: feed ('' where no changes are kept) is_dry ('1' only says what would be done)
--- REPLY: 1 mended; 0 nothing was to be mended
--- @include "is_whole"
--- @include "end_feed"
local changes, changed = unpack(KEYS)
local feed, is_dry = unpack(ARGV)

local last, length = redis.call('GET', changed), redis.call('XLEN', changes)
local number = is_whole(last or '0') and tonumber(last or 0) or -1
local first_number, last_number = 0, number
if length > 0 then
  first_number = redis.call('XRANGE', changes, '-', '+', 'COUNT', 1)[1][2][2]
  last_number = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1][2][2]
  first_number, last_number = tonumber(first_number) or -1, tonumber(last_number) or -1
end
local is_whole_feed = length == 0 or feed ~= '' and last_number == number and first_number == number - length + 1
if number >= 0 and is_whole_feed then
  return 0
elseif is_dry == '' then
  redis.call('SET', changed, string.format('%.0f', math.max(number, last_number, 0)))
  end_feed(changes, changed)
end
return 1
