--- Ends the feed of a stream. It leaves out a number: if the feed begins again, a reader sees that changes are missing.
local function end_feed(changes, changed)
  if redis.call('DEL', changes) == 1 then
    redis.call('INCR', changed)
  end
end
