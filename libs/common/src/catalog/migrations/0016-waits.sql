-- Since when a run has been trying again because of something that passes by itself: a source or store that is away, a lock.
ALTER TABLE holdfast.runs ADD COLUMN waiting_since timestamptz;
