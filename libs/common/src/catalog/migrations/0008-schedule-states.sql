-- What is true of a schedule at run time, besides how far it has been looked after.
ALTER TABLE holdfast.schedules
  ADD COLUMN paused_at       timestamptz,
  ADD COLUMN pause_reason    text,
  -- The last slot that a request was made for, under which id, and the run that it starts.
  ADD COLUMN last_slot_at    timestamptz,
  ADD COLUMN last_request_id text,
  ADD COLUMN last_run_id     uuid,
  ADD COLUMN requested_at    timestamptz,
  -- A slot that has been said to wait, and until when; no instant: until the run before has ended.
  ADD COLUMN waiting_slot_at timestamptz,
  ADD COLUMN waiting_reason  text,
  ADD COLUMN waiting_until   timestamptz,
  ADD CONSTRAINT schedules_request_is_whole CHECK (num_nulls(last_slot_at, last_request_id, last_run_id, requested_at) IN (0, 4)),
  ADD CONSTRAINT schedules_wait_has_reason CHECK ((waiting_slot_at IS NULL) = (waiting_reason IS NULL));
