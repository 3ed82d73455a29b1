--- The fields of an event's text; nil where it is none that can be carried out. The Python twin is schema/events.py.
local NEEDED = {
  place = {'order_id', 'currency', 'amount', 'price'}, pause = {'order_id'}, resume = {'order_id'}, cancel = {'order_id'},
  amend = {'order_id'}, reduce = {'order_id', 'by'}, cancel_all_by_user = {},
}
local NUMBERS = {'amount', 'price', 'expected_amount', 'expected_price', 'by'}

local function is_id(text)
  return type(text) == 'string' and #text >= 1 and #text <= 256
end

local function read_event(text)
  local is_json, event = pcall(cjson.decode, text or '')
  local needed = is_json and type(event) == 'table' and NEEDED[event.op]
  if not needed or not is_id(event.user_id) then
    return nil
  end
  for _, field in ipairs(needed) do
    if not is_id(event[field]) then
      return nil
    end
  end
  for _, field in ipairs(NUMBERS) do
    local number = event[field]
    if number ~= nil and not (type(number) == 'string' and string.find(number, '^%d+%.?%d*$')) then
      return nil
    end
  end
  if event.op == 'place' and not string.find(text, '","user_id":"', 1, true) then
    return nil
  end
  return event
end
