--- The amount and the price of an order, as text; nil where its record cannot be read. All releases write a record as
--- the pattern has it, with further fields behind; nothing in a user's text can look so, where each quote has a
--- backslash. Others may write one with spaces, or in another order. The Python twin is schema/records.py.
local function numbers_of(record)
  local amount, price =
    string.match(record, '^{"user_id":".-","currency":".-","amount":"(%d+%.?%d*)","price":"(%d+%.?%d*)"')
  if amount then
    return amount, price
  end
  local is_json, fields = pcall(cjson.decode, record)
  if is_json and type(fields) == 'table' and string.find(tostring(fields.amount), '^%d+%.?%d*$')
      and string.find(tostring(fields.price), '^%d+%.?%d*$') then
    return fields.amount, fields.price
  end
end

--- The record with another amount and price, and everything else as it was, also fields of a later release; nil where
--- that cannot be done.
local function with_numbers(record, amount, price)
  local changed, count = string.gsub(record,
    '^({"user_id":".-","currency":".-","amount":")%d+%.?%d*(","price":")%d+%.?%d*"',
    '%1' .. amount .. '%2' .. price .. '"')
  if count == 0 then
    changed = string.gsub(changed, '("amount"%s*:%s*")%d+%.?%d*"', '%1' .. amount .. '"', 1)
    changed = string.gsub(changed, '("price"%s*:%s*")%d+%.?%d*"', '%1' .. price .. '"', 1)
    -- A field of a later release could hold the same words, and stand before them.
    local fields = cjson.decode(changed)
    changed = fields.amount == amount and fields.price == price and changed or nil
  end
  return changed
end
