-- How much a backup holds is counted by name: each kind of store has names of its own, tables and rows for one, keys for another.
ALTER TABLE holdfast.backups RENAME COLUMN database_size_bytes TO source_size_bytes;

ALTER TABLE holdfast.backups
  ADD COLUMN kind   text,
  ADD COLUMN counts jsonb;

UPDATE holdfast.backups
SET kind = manifest ->> 'kind', counts = manifest -> 'counts'
WHERE manifest IS NOT NULL;

ALTER TABLE holdfast.backups
  DROP COLUMN table_count,
  DROP COLUMN row_count;
