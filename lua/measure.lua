--- Estimates the bytes that keys take in memory, each with all that is in it.
--- KEYS: measured... (any number, of one stream or of none)
--- ARGV: samples (how many elements of each are looked at; the rest are taken to be like them)
--- REPLY: a list of bytes by key, 0 for one that is not there, nil where the server cannot say
local measured = KEYS
local samples = unpack(ARGV)

local reply = {}
for i, key in ipairs(measured) do
  local bytes = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
  if type(bytes) ~= 'table' then
    reply[i] = bytes or 0
  elseif string.find(tostring(bytes.err), 'nknown', 1, true) then
    -- "unknown command", "Unknown Redis command": fakeredis has none, and some hosts rename it.
    reply[i] = false
  else
    return redis.error_reply(bytes.err)
  end
end
return reply
