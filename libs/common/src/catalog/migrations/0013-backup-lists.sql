-- What a list tells of a backup comes from columns of its own: a manifest may name thousands of tables, and a list shows thousands of backups.
ALTER TABLE holdfast.backups
  ADD COLUMN table_count  integer,
  ADD COLUMN row_count    bigint,
  ADD COLUMN bus_position text;

UPDATE holdfast.backups
SET table_count = (manifest #>> '{counts,tables}')::integer,
    row_count = (manifest #>> '{counts,rows}')::bigint,
    bus_position = coalesce(manifest -> 'busPosition' ->> 'state', 'none')
WHERE manifest IS NOT NULL;
