--- Does to each of many what is done to one, and returns a text with 'y' where that returned 1, and 'n' where 0.
local function each(items, change)
  local answers = {}
  for i, item in ipairs(items) do
    answers[i] = change(item) == 1 and 'y' or 'n'
  end
  return table.concat(answers)
end
