--- The users of some orders of one stream: a list with the user of each, false for one that is not live, comes a second
--- time, or is not the owner's where one is given. Or an error where a record cannot be read, or a set is elsewhere. Each
--- set that a later write touches is read here: on Redis Cluster a key that is not declared may be in another node by
--- now, and the server, or this, must stop the script before it has written anything.
--- @include "stream_key"
--- @include "user_of"
--- @include "unreadable"
--- @include "set_elsewhere"
local function owners_in_stream(namespace, stream, owner, order_ids)
  local records = redis.call('HMGET', stream_key(namespace, stream, 'orders'), unpack(order_ids))
  local owners, seen = {}, {}
  for i, record in ipairs(records) do
    local order_id = order_ids[i]
    local user_id = false
    if record and not seen[order_id] then
      user_id = user_of(record)
      if not user_id then
        return unreadable()
      end
      local set = stream_key(namespace, stream, 'user:' .. user_id)
      local is_member = redis.call('SISMEMBER', set, order_id) == 1
      if owner ~= '' then
        user_id = owner == user_id and is_member and user_id
      elseif not is_member and redis.call('EXISTS', set) == 0 then
        return set_elsewhere()
      end
    end
    owners[i], seen[order_id] = user_id, true
  end
  return owners
end
