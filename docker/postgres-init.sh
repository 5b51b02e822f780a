#!/bin/sh
# Run once by the postgres images, when they create their cluster.
set -eu
# The images admit ordinary connections from outside the container, but not replication ones: pg_basebackup needs them.
echo 'host replication all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
# Incremental base backups need WAL summaries, which servers have since 17.
if [ "$PG_MAJOR" -ge 17 ]; then
  psql -U postgres -qc 'alter system set summarize_wal = on'
  # Benchmarks count the catalog's statements by it.
  psql -U postgres -qc "alter system set shared_preload_libraries = 'pg_stat_statements'"
fi
