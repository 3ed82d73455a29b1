--- Runs a command over any number of arguments, in slices that fit Lua's stack, and adds up the replies.
local function in_slices(command, key, members)
  local total = 0
  for first = 1, #members, 5000 do
    total = total + redis.call(command, key, unpack(members, first, math.min(first + 4999, #members)))
  end
  return total
end
