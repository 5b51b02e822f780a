-- Every kind of store has places to restore to, and most of them are no databases.
ALTER TABLE holdfast.restores RENAME COLUMN database TO destination;
ALTER TABLE holdfast.verifications RENAME COLUMN database TO destination;
