--- The list that a table of lists has under a key, which is an empty one at first. What is to be done to many orders
--- is gathered so by key, and sent once a key: most of a short command's time is in the call.
--- A list must fit Lua's stack when it is sent: that is 7,000 words.
local function list_at(lists, key)
  local list = lists[key]
  if not list then
    list = {}
    lists[key] = list
  end
  return list
end
