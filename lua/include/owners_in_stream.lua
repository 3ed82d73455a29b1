--- The users of some orders of one stream: a list with the user of each, false for one that is not live, comes a second
--- time, or is not the owner's where one is given. Or an error where a record cannot be read, or a set is elsewhere; whose
--- an owner's orders are says the owner's set. Each set that a later write touches is read here: on Redis Cluster a key
--- that is not declared may be in another node by now, and the server, or this, must stop the script before it has
--- written anything.
--- @include "stream_key"
--- @include "user_of"
--- @include "unreadable"
--- @include "set_elsewhere"
local function owners_in_stream(namespace, stream, owner, order_ids)
  local prefix = stream_key(namespace, stream, '')
  local found = owner == '' and redis.call('HMGET', prefix .. 'orders', unpack(order_ids))
    or redis.call('SMISMEMBER', prefix .. 'user:' .. owner, unpack(order_ids))
  local owners, seen = {}, {}
  for i, order_id in ipairs(order_ids) do
    local user_id = false
    if owner ~= '' then
      user_id = found[i] == 1 and not seen[order_id] and owner
    elseif found[i] and not seen[order_id] then
      user_id = user_of(found[i])
      if not user_id then
        return unreadable()
      end
      local set = prefix .. 'user:' .. user_id
      if redis.call('SISMEMBER', set, order_id) == 0 and redis.call('EXISTS', set) == 0 then
        return set_elsewhere()
      end
    end
    owners[i], seen[order_id] = user_id, true
  end
  return owners
end
