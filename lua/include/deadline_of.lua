--- The deadline of a new order in microseconds since 1970, as text; '' for none; nil where it is not in the future.
--- `expires_at` is that number, or '+' and a number from now on: what "now" is says the server alone. `now` may be left
--- out.
--- @include "clock"
local function deadline_of(expires_at, now)
  if expires_at == '' then
    return ''
  end
  now = now or clock_text()
  if string.sub(expires_at, 1, 1) == '+' then
    return string.format('%.0f', now + string.sub(expires_at, 2))
  end
  return expires_at - now > 0 and expires_at or nil
end
