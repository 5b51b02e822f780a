import { z } from 'zod';
import { withBucket } from '#common/engines/bucket/bucket-client.js';
import { placeOf, toPlaceName } from '#common/engines/bucket/bucket-place.js';
import { mergeByKey } from '#common/engines/bucket/merge.js';
import { listPlace } from '#common/engines/bucket/restore/compare.js';
import { AppError } from '#common/errors/app-error.js';
import { toText } from '#common/errors/printable.js';
import { PostgresUrl } from '#common/pg/url-schema.js';
import { conclude, countOf, EvidenceLog, nothingToCompare, type ProbeFinding } from '#common/probes/evidence.js';
import { defineBucketProbe } from './bucket-probe.js';
import { readReferences, sqlStateOf } from './referenced-keys.js';

const MediaParams = z.strictObject({
  url: PostgresUrl.describe('Of the restored database, as a role that sees every row'),
  query: z
    .string()
    .min(1)
    .describe('SELECT whose first column refers to objects: by key below the destination, or by address'),
  before: z.string().default('').describe('What stands before the key in an address: https://cdn.example/media/'),
  mayBeEmpty: z.boolean().default(false).describe('No references are no open question'),
});

/** What rows refer to is in the bucket. Objects that no row refers to are counted, and no problem. */
export const mediaProbe = defineBucketProbe({
  name: 'media',
  summary: 'What rows of a PostgreSQL database refer to exists in the bucket',
  timeoutMs: 1_800_000,
  params: MediaParams,
  check: ({ target, destination, signal }, { mayBeEmpty, ...params }) => {
    const place = placeOf(target.place, destination);
    return withBucket(place, async (client) => {
      const problems = new EvidenceLog();
      const counts = { references: 0, unreferenced: 0 };
      try {
        for await (const { left, right } of mergeByKey(
          readReferences({ ...params, signal }),
          listPlace(client, place, { signal }),
        )) {
          if (left === undefined) counts.unreferenced += 1;
          else counts.references += 1;
          if (right === undefined)
            problems.add({ subject: JSON.stringify(left?.key), problem: 'is referred to, and missing' });
        }
      } catch (error) {
        signal.throwIfAborted();
        problems.add({ subject: 'references', problem: toQueryProblem(error) });
      }
      return toFinding(toPlaceName(place), { ...counts, problems, mayBeEmpty });
    });
  },
});

/** What the restored database lacks is a verdict; any other failure is none. */
function toQueryProblem(error: unknown): string {
  const state = sqlStateOf(error);
  if (state === '42P01' || state === '42703') return `cannot be read from the restored database: ${toText(error)}`;
  if (error instanceof AppError || typeof state !== 'string') throw error;
  throw new AppError('config.invalid', `the query of the media probe failed: ${toText(error)}`, {}, { cause: error });
}

interface Found {
  readonly references: number;
  readonly unreferenced: number;
  readonly problems: EvidenceLog;
  readonly mayBeEmpty: boolean;
}

function toFinding(place: string, { references, unreferenced, problems, mayBeEmpty }: Found): ProbeFinding {
  const looked = `${place}: ${countOf(references, 'reference')}, ${countOf(unreferenced, 'object')} without one`;
  if (references === 0 && problems.total === 0 && !mayBeEmpty)
    return nothingToCompare(`${looked}; nothing was compared: set mayBeEmpty in the profile where that is right`);
  return conclude({ looked, problems });
}
