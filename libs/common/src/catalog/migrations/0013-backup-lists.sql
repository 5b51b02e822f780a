-- What a list tells of a backup comes from columns of its own: a manifest may name thousands of tables, and a list shows thousands of backups.
ALTER TABLE holdfast.backups
  ADD COLUMN table_count  integer,
  ADD COLUMN row_count    bigint,
  ADD COLUMN bus_position text;

UPDATE holdfast.backups
SET table_count = jsonb_array_length(manifest -> 'snapshot' -> 'tables'),
    row_count = (
      SELECT coalesce(sum((entry ->> 'rows')::bigint), 0)
      FROM jsonb_array_elements(manifest -> 'snapshot' -> 'tables') AS entry
    ),
    bus_position = coalesce(manifest -> 'busPosition' ->> 'state', 'none')
WHERE manifest IS NOT NULL;
