--- The answer for an order whose record cannot be read or changed. Nothing may be written before it.
local function unreadable()
  return redis.error_reply('RECORD the record of an order cannot be read; verify() names it')
end
