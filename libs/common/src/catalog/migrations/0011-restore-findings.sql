-- What attempts at a restore are about to create, withhold and drop: once it is done, a later attempt cannot find it out any more.
ALTER TABLE holdfast.restores ADD COLUMN findings jsonb;
