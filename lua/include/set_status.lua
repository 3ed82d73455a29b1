--- Adds orders to the paused with SADD, or removes them with SREM, one after the other. Returns a text with 'y' for
--- each whose status changed, and 'n' for each that is not live, not of the owner, or had that status already.
--- @include "stream_of"
local function set_status(command, namespace, directory, owner, order_ids)
  local answers = {}
  for i, order_id in ipairs(order_ids) do
    local stream = stream_of(directory, namespace, order_id, owner)
    local changed = stream and redis.call(command, stream_key(namespace, stream, 'paused'), order_id) == 1
    answers[i] = changed and 'y' or 'n'
  end
  return table.concat(answers)
end
