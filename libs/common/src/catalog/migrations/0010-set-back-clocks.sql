-- By this clock the instants beside it were written. One that lies ahead of now shows that the clock was set back since, and by how
-- much: what it wrote must not hold anybody up for so long (docs/decisions/0073-what-a-clock-ahead-wrote-follows-it-back.md).
ALTER TABLE holdfast.runs ADD COLUMN timed_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE holdfast.leases ADD COLUMN timed_at timestamptz NOT NULL DEFAULT now();
-- Not at once: a default that differs from row to row rewrites the table.
ALTER TABLE holdfast.runs ALTER COLUMN timed_at SET DEFAULT clock_timestamp();
ALTER TABLE holdfast.leases ALTER COLUMN timed_at SET DEFAULT clock_timestamp();

-- Triggers, so that it is also true of what an older version writes during a rolling upgrade.
CREATE FUNCTION holdfast.note_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.timed_at := clock_timestamp();
  RETURN NEW;
END
$$;
CREATE TRIGGER runs_timed BEFORE UPDATE OF claim_expires_at, run_after ON holdfast.runs
  FOR EACH ROW EXECUTE FUNCTION holdfast.note_time();
CREATE TRIGGER leases_timed BEFORE UPDATE OF expires_at ON holdfast.leases
  FOR EACH ROW EXECUTE FUNCTION holdfast.note_time();
