--- Runs read commands at one moment, as a transaction does. Slower for long replies, but a server whose memory is
--- full refuses what is queued in a transaction, and not what a script reads.
--- ARGV: commands... (of each how many words it has, and the words)
--- REPLY: the list of theirs
local replies, at = {}, 1
while ARGV[at] do
  local words = tonumber(ARGV[at])
  replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return replies
