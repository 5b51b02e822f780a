import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import type { RestoreQuestion } from '#common/engines/engine.js';
import type { ArchiveToc } from '#common/engines/postgres/archive-toc.js';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresTarget } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { withDatabase } from '#common/pg/connection.js';
import { readStoredToc } from './read-toc.js';
import { type Selection, selectParts } from './select-parts.js';

type Question = Pick<
  RestoreQuestion<PostgresTarget, SnapshotFacts>,
  'manifest' | 'target' | 'destination' | 'strategy' | 'parts' | 'archive'
>;

export interface SelectingOptions {
  readonly exists: boolean;
  readonly signal: AbortSignal;
  /** Where the archive is here already; else its beginning is read from the repository. */
  readonly readToc?: (() => Promise<ArchiveToc>) | undefined;
}

/** What the parts of a question are, or undefined for a whole backup. Changes nothing. Throws: request.invalid, backup.corrupt, postgres.*, repository.*. */
export async function findSelection(question: Question, o: SelectingOptions): Promise<Selection | undefined> {
  const { manifest, parts, archive, target, destination, strategy } = question;
  if (parts === undefined) return undefined;
  const { snapshot: facts, backupId } = manifest;
  const { signal } = o;
  const read = o.readToc ?? (archive && (() => readStoredToc(manifest, archive, signal)));
  if (read === undefined) throw new AppError('internal.bug', 'a restore of parts has no archive to look into');
  const wanted = { facts, toc: await read(), parts, backupId, privileges: target.privileges };
  if (!o.exists || strategy !== 'in-place') return selectParts({ ...wanted, session: undefined });
  const connection = withDatabase(target.connection, destination);
  return withPgSession(connection, { signal, applicationName: 'holdfast restore plan' }, (session) =>
    selectParts({ ...wanted, session }),
  );
}
