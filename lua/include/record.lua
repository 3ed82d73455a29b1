--- What is answered for an order whose record cannot be read or changed; nothing is written.
local UNREADABLE = redis.error_reply('RECORD the record of an order cannot be read; verify() names it')

local function is_decimal(text)
  return type(text) == 'string' and string.find(text, '^%d+%.?%d*$')
end

--- The fields of an order's record; nil where it is not JSON with text in user_id and currency, and plain decimal
--- text in amount and price. The Python twin is schema/records.py.
local function decode_record(record)
  local is_json, fields = pcall(cjson.decode, record)
  local is_record = is_json and type(fields) == 'table' and type(fields.user_id) == 'string'
    and type(fields.currency) == 'string' and is_decimal(fields.amount) and is_decimal(fields.price)
  return is_record and fields or nil
end

--- The user of an order; nil where the record cannot be read. Most names need no JSON parser: no character is escaped.
local function user_of(record)
  return string.match(record, '^{"user_id":"([^"\\]+)","currency":"') or (decode_record(record) or {}).user_id
end

--- The record with another text in a field of which `old` is the text; nil where that cannot be done.
--- Everything else stays as it is, also fields of a later release, which could hold the same words.
local function with_text(record, field, old, text)
  local pattern = '^(.-"' .. field .. '"%s*:%s*")' .. string.gsub(old, '%p', '%%%0') .. '(".*)$'
  local head, tail = string.match(record, pattern)
  local changed = head and head .. text .. tail
  return changed and (decode_record(changed) or {})[field] == text and changed or nil
end
