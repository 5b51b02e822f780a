import type { Readable } from 'node:stream';
import { BaseFacts, type ChainLink } from '#common/contracts/base-facts.js';
import type { Manifest } from '#common/contracts/manifest.js';
import type { EarlierBackup, FindEarlier } from '#common/engines/earlier-backup.js';
import { toDatabaseError } from '#common/engines/postgres/pg-errors.js';
import type { ReplicationSession } from '#common/engines/postgres/replication/replication-session.js';
import { AppError } from '#common/errors/app-error.js';
import { MANIFEST } from './base-archives.js';
import type { IncrementalOptions } from './base-command.js';
import type { SourceFacts } from './base-source.js';

/** What a copy of a cluster builds on. */
export interface Lineage {
  /** The full copy first; none: this one is full. */
  readonly chain: readonly ChainLink[];
  /** Why it is full although an incremental copy was wanted. */
  readonly fullBecause: string | null;
  readonly parent: BaseParent | undefined;
}

export interface BaseParent {
  /** Its `backup_manifest`; errors at its end when the stored bytes are not those of the backup. Throws: repository.*, sealing.*. */
  openManifest(): Promise<Readable>;
  /** What the copy builds on where the server refuses this. Throws: the error where it says nothing of that; postgres.no-parent. */
  whenRefused(error: unknown): Lineage;
}

export const FULL: Lineage = { chain: [], fullBecause: null, parent: undefined };

export interface LineageQuestion {
  readonly dataset: string;
  readonly systemId: string;
  readonly source: Pick<SourceFacts, 'summarizesWal'>;
  readonly options: IncrementalOptions;
  readonly findEarlier: FindEarlier;
}

/** The newest copy of the same cluster that an incremental one can build on. Throws: postgres.no-parent unless a full copy is accepted; repository.*. */
export async function findLineage(q: LineageQuestion): Promise<Lineage> {
  const { source, options, findEarlier } = q;
  if (!source.summarizesWal) return instead('the server has summarize_wal = off', q, SUMMARIZE_WAL);
  const passedOver: string[] = [];
  const isFit = (manifest: Manifest): boolean => {
    const problem = whyUnfit(manifest, q);
    if (problem !== undefined) passedOver.push(`backup ${manifest.backupId} ${problem}`);
    return problem === undefined;
  };
  try {
    const found = await findEarlier({ methods: PHYSICAL, isFit });
    if (found === undefined) return instead(passedOver[0] ?? 'there is no earlier base backup that is whole', q);
    const { needs, backupId } = found.manifest;
    if (needs.length < options.maxChain) return toLineage(found, q);
    return instead(
      `backup ${backupId} ends a chain of ${needs.length} increments, and maxChain is ${options.maxChain}`,
      q,
    );
  } catch (error) {
    // An executor that only writes cannot read what to build on.
    if (!(error instanceof AppError) || !error.code.startsWith('sealing.')) throw error;
    return instead(`what there is to build on cannot be read here: ${error.message}`, q, SEALED);
  }
}

/** By `server_version_num`. */
export const FIRST_WITH_INCREMENTS = 170_000;

const PHYSICAL = ['base', 'incremental'];
/** What an operator does where the server does not. */
export const SUMMARIZE_WAL =
  'Run `ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf();` as a superuser, then take a full base backup.';
const SEALED = 'Give the executor an identity of the repository, or take base backups only.';

/** What the manifest tells outside of any seal. */
function whyUnfit({ requires, needs }: Manifest, { systemId, options }: LineageQuestion): string | undefined {
  const [range] = requires;
  if (range === undefined) return 'names no WAL';
  if (range.systemId !== systemId) return `is of cluster ${range.systemId}, and the server is cluster ${systemId}`;
  return options.on === 'full' && needs.length > 0 ? 'is no full copy' : undefined;
}

function toLineage(found: EarlierBackup, q: LineageQuestion): Lineage {
  const { backupId, objects } = found.manifest;
  const { chain, unpackedBytes } = BaseFacts.parse(found.manifest.snapshot);
  const tablespaces = objects.flatMap(({ name }) => /^(\d+)[.]tar(?:[.]|$)/.exec(name)?.[1] ?? []);
  return {
    chain: [...chain, { backupId, tablespaces, unpackedBytes }],
    fullBecause: null,
    parent: {
      openManifest: () => found.open(MANIFEST),
      whenRefused: (error) => {
        const reason = toRefusal(error);
        if (reason === undefined) throw error;
        return instead(`the server cannot build on backup ${backupId}: ${reason}`, q);
      },
    },
  };
}

/**
 * Sends the parent's manifest, from which the server learns what it has to send. Throws: what its stream throws; the driver's errors.
 * Source: PostgreSQL "Streaming Replication Protocol", UPLOAD_MANIFEST.
 */
export const uploadParent = async (parent: BaseParent, replication: ReplicationSession): Promise<void> =>
  replication.upload('UPLOAD_MANIFEST', await parent.openManifest());

/** `object_not_in_prerequisite_state`: summaries of WAL are gone, the timeline is no descendant, nothing was checkpointed since. */
function toRefusal(error: unknown): string | undefined {
  const said = toDatabaseError(error);
  return said?.code === '55000' ? said.message : undefined;
}

function instead(reason: string, { dataset, options }: LineageQuestion, mend?: string): Lineage {
  if (options.otherwise === 'full') return { ...FULL, fullBecause: reason };
  const hint = `${mend ?? `Take a full one: \`holdfast backup run ${dataset} --method base\`.`} \`base.incremental.otherwise: full\` of the dataset takes a full copy in such a case.`;
  throw new AppError(
    'postgres.no-parent',
    `dataset "${dataset}" cannot be backed up incrementally: ${reason}`,
    {},
    { hint },
  );
}
