--- The record of an order with its deadline behind all other fields, where the patterns that read a record do not meet it.
--- The text is ISO 8601 in UTC, such as 2026-11-24T06:00:00.000000Z. Redis offers no calendar to Lua. The days are counted
--- in years that begin in March, so that a leap day is the last: howardhinnant.github.io/date_algorithms.html.
local function with_deadline(record, deadline)
  local floor = math.floor
  local seconds = floor(deadline / 1000000)
  local days = floor(seconds / 86400) + 719468 -- since the first of March of the year 0
  local era = floor(days / 146097)
  local day = days - era * 146097
  local year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
  local day_of_year = day - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * day_of_year + 2) / 153)
  local of_day = seconds % 86400
  local text = string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ',
    year + era * 400 + (month >= 10 and 1 or 0), month < 10 and month + 3 or month - 9,
    day_of_year - floor((153 * month + 2) / 5) + 1,
    floor(of_day / 3600), floor(of_day / 60) % 60, of_day % 60, deadline - seconds * 1000000)
  return string.sub(record, 1, -2) .. ',"expires_at":"' .. text .. '"}'
end
