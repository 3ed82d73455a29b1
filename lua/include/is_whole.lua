--- Whether a score can be a sequence number or a moment. Its Python twin is schema/numbers.py.
local function is_whole(score)
  return score and string.find(score, '^%d+$') and tonumber(score) <= 2 ^ 53
end
