--- What due_reply says of several streams, the keys of a table.
--- @include "due_reply"
local function due_reply_of_any(namespace, by_stream)
  for stream in pairs(timed_streams ~= '' and by_stream or {}) do
    local due = due_reply(namespace, stream)
    if due or timed_streams ~= '1' then
      return due
    end
  end
end
