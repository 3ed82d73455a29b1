--- The user of an order; nil where its record cannot be read. Most names need no JSON parser: no character is escaped.
local function user_of(record)
  local plain = string.match(record, '^{"user_id":"([^"\\]+)"')
  if plain then
    return plain
  end
  local is_json, fields = pcall(cjson.decode, record)
  return is_json and type(fields) == 'table' and type(fields.user_id) == 'string' and fields.user_id or nil
end
