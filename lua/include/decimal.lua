--- Exact arithmetic on plain decimal text, such as 12.50: Lua's own numbers would round.
--- Both numbers as digits of one length, and how many of these stand behind the point.
local function align_decimals(a, b)
  local whole_a, part_a = string.match(a, '^(%d+)%.?(%d*)$')
  local whole_b, part_b = string.match(b, '^(%d+)%.?(%d*)$')
  local scale = math.max(#part_a, #part_b)
  local digits_a = whole_a .. part_a .. string.rep('0', scale - #part_a)
  local digits_b = whole_b .. part_b .. string.rep('0', scale - #part_b)
  local length = math.max(#digits_a, #digits_b)
  return string.rep('0', length - #digits_a) .. digits_a, string.rep('0', length - #digits_b) .. digits_b, scale
end

--- Whether two numbers have the same value, as 1.5 and 1.50 have.
local function equal_decimals(a, b)
  local digits_a, digits_b = align_decimals(a, b)
  return digits_a == digits_b
end

--- a - b with as many digits behind the point as the longer of the two has; nil where b is larger.
local function subtract_decimals(a, b)
  local digits_a, digits_b, scale = align_decimals(a, b)
  if digits_a < digits_b then
    return nil
  end
  local digits, borrowed = '', 0
  for last = #digits_a, 1, -14 do -- so many digits a Lua number holds exactly
    local first = math.max(1, last - 13)
    local part = tonumber(string.sub(digits_a, first, last)) - tonumber(string.sub(digits_b, first, last)) - borrowed
    borrowed = part < 0 and 1 or 0
    local size = last - first + 1
    digits = string.format('%0' .. size .. '.0f', part + borrowed * 10 ^ size) .. digits
  end
  local whole = string.match(string.sub(digits, 1, #digits - scale), '^0*(%d+)$')
  return scale > 0 and whole .. '.' .. string.sub(digits, -scale) or whole
end
