--- Appends a value to the list that a table of lists has under a key. What is to be done to many orders is gathered by
--- key, and sent once a key, because most of a short command's time is in the call. A list is sent with unpack(), so
--- it must fit Lua's stack: 7,000 words.
local function append_at(lists, key, value)
  local list = lists[key]
  if list then
    list[#list + 1] = value
  else
    lists[key] = {value}
  end
end
