-- What the last evaluation of each recovery plan found: whether it would succeed now, and what it would take and lose.
CREATE TABLE holdfast.plan_evaluations (
  plan           text PRIMARY KEY,
  evaluated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  would_succeed  boolean NOT NULL,
  -- Since when the answer is this one.
  since          timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Counts the changes that events tell of.
  revision       integer NOT NULL DEFAULT 1,
  problems       jsonb NOT NULL,
  forecast       jsonb
);
