--- The answer to a change that must not be carried out: it was answered before, or the caller's settings are old.
--- @include "session"
--- @include "settings"
local function answer_without_change(sessions, config, session, request_number, epoch)
  local earlier = earlier_answer(sessions, session, request_number)
  if earlier then
    return earlier
  end
  if has_other_settings(config, epoch) then
    return answer_unchanged(sessions, session, request_number, 'STALE')
  end
end
