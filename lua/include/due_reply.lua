--- What keeps a script from answering: a deadline that has passed and is not carried out. So no answer shows or changes an
--- order whose time is over, whether or not anybody carries deadlines out in time.
--- @include "stream_key"
--- @include "clock"

--- '' where the namespace has no deadlines; '1' to look at one stream's alone; else those of so many streams are looked
--- at, from 0 on. While orders move, a user may have orders in two streams. Each script sets it first, as feed_length.
local timed_streams = ''

local function is_due(namespace, stream, now)
  return redis.call('ZCOUNT', stream_key(namespace, stream, 'due'), '-inf', now) > 0
end

--- 'DUE' and the stream whose deadlines are to be carried out before; nil where there is none.
local function due_reply(namespace, stream)
  if timed_streams == '' then
    return nil
  end
  local now = clock_text()
  if timed_streams == '1' then
    return is_due(namespace, stream, now) and 'DUE ' .. stream or nil
  end
  for each = 0, timed_streams - 1 do
    if is_due(namespace, each, now) then
      return 'DUE ' .. each
    end
  end
end

--- The same for several streams, the keys of a table.
local function due_reply_of_any(namespace, by_stream)
  for stream in pairs(timed_streams ~= '' and by_stream or {}) do
    local due = due_reply(namespace, stream)
    if due or timed_streams ~= '1' then
      return due
    end
  end
end
