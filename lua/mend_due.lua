--- Changes or removes a member of a stream's deadlines, if its score still is what the caller saw. May run twice.
--- KEYS: due
--- ARGV: member seen (its score, or '') deadline (the score that it is to have, '+' and microseconds from now on, or '' for none)
--- REPLY: 1 mended; 0 it has another score by now
--- @include "deadline_of"
local due = unpack(KEYS)
local member, seen, deadline = unpack(ARGV)

if (redis.call('ZSCORE', due, member) or '') ~= seen then
  return 0
elseif deadline == '' then
  return redis.call('ZREM', due, member)
end
local number = string.sub(deadline, 1, 1) == '+' and deadline_of(deadline) or deadline
return redis.call('ZADD', due, 'CH', number, member)
