--- Adds an order to the paused with SADD, or removes it with SREM. Returns 'y' where its status changed, 'n' where it is
--- not live, not of the owner, or had that status already, or what due_reply says; and whether nothing was written, not
--- even without an effect.
--- @include "stream_key"
--- @include "record_status"
--- @include "due_reply"
local function set_status(command, namespace, directory, owner, order_id)
  local stream = redis.call('HGET', directory, order_id)
  local due = stream and due_reply(namespace, stream)
  if due then
    return due, true
  end
  local is_theirs = stream
    and (owner == '' or redis.call('SISMEMBER', stream_key(namespace, stream, 'user:' .. owner), order_id) == 1)
  if not is_theirs then
    return 'n', true
  end
  if redis.call(command, stream_key(namespace, stream, 'paused'), order_id) == 0 then
    return 'n', false
  end
  if feed_length ~= '' then
    record_status(command, namespace, stream, {order_id})
  end
  return 'y', false
end
