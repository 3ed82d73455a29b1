--- Runs read commands at one moment, for a server whose memory is full.
--- It then refuses what is queued in a transaction, which is faster for long replies, but not what a script reads.
--- KEYS:
--- ARGV: words... (of each command how many words it has, and the words)
--- REPLY: the list of the commands' replies
local words = ARGV

local replies, at = {}, 1
while words[at] do
  local last = at + tonumber(words[at])
  replies[#replies + 1] = redis.call(unpack(words, at + 1, last))
  at = last + 1
end
return replies
