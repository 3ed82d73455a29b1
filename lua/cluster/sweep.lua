--- Carries out deadlines of a stream that have passed.
--- It removes orders, or cancels all of one user whose dead man's switch has fired. May run twice: what is gone, or has
--- another deadline by now, is left out.
--- KEYS: config orders placed paused due declared... (a fired user's set; the feed, where there is one)
--- ARGV: epoch feed timed namespace stream user_id (whose switch may have fired; '' for orders) order_ids... (0 to 1,000)
--- REPLY: the ids of the orders that were removed; 'STALE'
--- @include "settings"
--- @include "record_change"
--- @include "due_reply"
--- @include "pinned_keys"
--- @include "expire_orders"
--- @include "fire_switch"
local config, orders, placed, paused, due = unpack(KEYS, 1, 5)
local epoch, feed, timed, namespace, stream, user_id = unpack(ARGV, 1, 6)
local order_ids = {unpack(ARGV, 7)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
feed_length, timed_streams = feed, timed
local now = clock_text()
if user_id == '' then
  local overdue = {}
  for _, order_id in ipairs(order_ids) do
    local deadline = redis.call('ZSCORE', due, 'o:' .. order_id)
    if deadline and deadline - now <= 0 then
      overdue[#overdue + 1] = order_id
    end
  end
  return #overdue > 0 and expire_orders(namespace, nil, stream, overdue) or {}
end
local deadline = redis.call('ZSCORE', due, 'u:' .. user_id)
if not deadline or deadline - now > 0 then
  return {}
end
local user = stream_key(namespace, stream, 'user:' .. user_id)
if redis.call('EXISTS', user) == 0 then
  redis.call('ZREM', due, 'u:' .. user_id)
  return {}
end
local sets = {paused, user}
pin_keys(config, orders, placed, sets)
local removed = fire_switch(namespace, nil, stream, user_id)
unpin_keys(orders, placed, sets)
return removed
