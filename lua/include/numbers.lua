--- The amount and the price of an order, as text; nil where its record cannot be read. All releases write a record as
--- the pattern has it, with further fields behind; a text with an escaped character, and what others write with
--- spaces or in another order, need the JSON parser. The Python twin is schema/records.py.
local function numbers_of(record)
  local amount, price =
    string.match(record, '^{"user_id":"[^"\\]*","currency":"[^"\\]*","amount":"(%d+%.?%d*)","price":"(%d+%.?%d*)".*}$')
  if amount then
    return amount, price
  end
  local is_json, fields = pcall(cjson.decode, record)
  local is_record = is_json and type(fields) == 'table'
    and type(fields.amount) == 'string' and string.find(fields.amount, '^%d+%.?%d*$')
    and type(fields.price) == 'string' and string.find(fields.price, '^%d+%.?%d*$')
  if is_record then
    return fields.amount, fields.price
  end
end

--- The record with another text in a field; nil where that cannot be done. A field of a later release may hold the
--- same words before it: so each place that looks so is tried, until it is the right one.
local function with_text(record, field, text)
  local from = 1
  while from do
    local first, last = string.find(record, '"' .. field .. '"%s*:%s*"%d+%.?%d*"', from)
    local changed = first
      and string.sub(record, 1, first - 1) .. '"' .. field .. '":"' .. text .. '"' .. string.sub(record, last + 1)
    if changed and cjson.decode(changed)[field] == text then
      return changed
    end
    from = last
  end
end

--- The record with another amount and price, and everything else as it was, also fields of a later release; nil where
--- that cannot be done.
local function with_numbers(record, amount, price)
  local changed, count = string.gsub(record,
    '^({"user_id":"[^"\\]*","currency":"[^"\\]*","amount":")%d+%.?%d*(","price":")%d+%.?%d*"',
    '%1' .. amount .. '%2' .. price .. '"')
  if count == 0 then
    local fields = cjson.decode(record)
    changed = fields.amount == amount and record or with_text(record, 'amount', amount)
    changed = changed and (fields.price == price and changed or with_text(changed, 'price', price))
  end
  return changed
end
