--- The error where the set of an order's user is in another node: its slot is on its way, and the caller tries again. The
--- node that takes a slot over serves a key that is not declared and has not arrived yet as an empty one. A user with a
--- live order has a set.
local function set_elsewhere()
  return redis.error_reply('TRYAGAIN the set of the user of an order is not here')
end
