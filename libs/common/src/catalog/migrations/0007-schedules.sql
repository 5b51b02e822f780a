-- How far each schedule of the configuration has been looked after.
CREATE TABLE holdfast.schedules (
  name       text PRIMARY KEY,
  -- The last slot that was acted on or passed over; at first the instant at which the schedule was first seen.
  done_until timestamptz NOT NULL DEFAULT clock_timestamp()
);
