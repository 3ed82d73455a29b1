--- What keeps a script from answering: a deadline that has passed and is not carried out. So no answer shows or changes an
--- order whose time is over, whether or not anybody carries deadlines out in time.
--- @include "stream_key"
--- @include "clock"

--- '' where the namespace has no deadlines; '1' to look at one stream's alone; else those of so many streams are looked
--- at, from 0 on. While orders move, a user may have orders in two streams. Each script sets it first, as feed_length.
local timed_streams = ''

--- 'DUE' and the stream whose deadlines are to be carried out before; nil where there is none.
local function due_reply(namespace, stream)
  if timed_streams == '' then
    return nil
  end
  local now, is_one = clock_text(), timed_streams == '1'
  for number = 0, is_one and 0 or timed_streams - 1 do
    local each = is_one and stream or number
    if redis.call('ZCOUNT', stream_key(namespace, each, 'due'), '-inf', now) > 0 then
      return 'DUE ' .. each
    end
  end
end
