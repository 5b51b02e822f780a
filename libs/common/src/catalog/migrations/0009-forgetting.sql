-- What is old and settled is forgotten, in small batches; these find it.
CREATE INDEX runs_settled ON holdfast.runs (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX backups_run ON holdfast.backups (run_id);

-- The audit trail stays append-only, but for what is older than ninety days: that may be deleted, by age and never changed.
CREATE FUNCTION holdfast.refuse_young() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.at >= clock_timestamp() - interval '90 days' THEN
    RAISE EXCEPTION '%.% is append-only for 90 days', TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END
$$;
DROP TRIGGER audit_append_only ON holdfast.audit;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON holdfast.audit
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse_change();
CREATE TRIGGER audit_keeps_young BEFORE DELETE ON holdfast.audit
  FOR EACH ROW EXECUTE FUNCTION holdfast.refuse_young();
ALTER TABLE holdfast.audit ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE holdfast.audit ENABLE ALWAYS TRIGGER audit_keeps_young;
