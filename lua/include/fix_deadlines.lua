--- Puts the deadlines of new orders in the place of what was asked for. `words` has, from `first` on, the stream, order
--- id, user id, record and expires_at of each. Returns the id of the first whose deadline is not in the future.
--- @include "deadline_of"
local function fix_deadlines(words, first)
  local now
  for at = first, #words, 5 do
    if words[at + 4] ~= '' then
      now = now or clock_text() -- one moment for all of them
      local deadline = deadline_of(words[at + 4], now)
      if not deadline then
        return words[at + 1]
      end
      words[at + 4] = deadline
    end
  end
end
