-- Claims without an end: one holder of a name at a time. The fence grows with every change of hands.
CREATE TABLE holdfast.leases (
  name        text PRIMARY KEY,
  owner       text NOT NULL,
  fence       bigint NOT NULL,
  acquired_at timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL
);
