--- Carries out the deadlines of a stream that have passed.
--- It removes orders, and cancels those of users whose dead man's switch has fired. May run twice: it takes what is left.
--- Standalone only: the directory and the stream are in different slots.
--- KEYS: config directory due
--- ARGV: epoch feed timed namespace stream limit (1 to 1,000; about how many orders are removed)
--- REPLY: 1 if more deadlines may have passed, else 0; 'STALE'
--- @include "settings"
--- @include "record_change"
--- @include "due_reply"
--- @include "expire_orders"
--- @include "fire_switch"
local config, directory, due = unpack(KEYS)
local epoch, feed, timed, namespace, stream, limit = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
feed_length, timed_streams = feed, timed
local members = redis.call('ZRANGEBYSCORE', due, '-inf', clock_text(), 'LIMIT', 0, limit)
local order_ids, users = {}, {}
for _, member in ipairs(members) do
  local of = string.sub(member, 1, 2) == 'o:' and order_ids or users
  of[#of + 1] = string.sub(member, 3)
end
local weight, has_more = #order_ids, #members == tonumber(limit)
if weight > 0 then
  local expired = expire_orders(namespace, directory, stream, order_ids)
  if expired.err then
    return expired
  end
end
for _, user_id in ipairs(users) do
  if weight >= tonumber(limit) then
    has_more = true -- one user's orders are cancelled together, and so many users' would be too long
    break
  end
  weight = weight + 1 + #fire_switch(namespace, directory, stream, user_id)
end
return has_more and 1 or 0
