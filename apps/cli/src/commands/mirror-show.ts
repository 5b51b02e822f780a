import type { BucketDataset, BucketMirror } from '#common/engines/bucket/bucket-dataset.js';
import { toPlaceName } from '#common/engines/bucket/bucket-place.js';
import type { Noted } from '#common/engines/bucket/facts.js';
import { findDifferences } from '#common/engines/bucket/mirror/differences.js';
import { mirrorOf } from '#common/engines/bucket/mirror/replica-place.js';
import { readReplicationRules } from '#common/engines/bucket/mirror/replication-rules.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { toShortList } from '#common/errors/printable.js';
import type { Installation } from '#common/service/installation.js';
import { toSize } from '../output/sizes.js';
import { toFields } from '../output/table.js';
import type { Verb } from '../verb.js';

export const mirrorShow: Verb = {
  path: ['mirror', 'show'],
  summary: 'compare a bucket with its replica, by what both list: what is missing, different, extra, and since when',
  argument: ['<dataset>', 'a dataset of kind bucket that has a mirror'],
  options: [],
  examples: ['mirror show media', 'mirror show media --json'],
  async run({ installation, signal }, _options, name) {
    const dataset = loadMirrored(installation, name);
    const { place, mirror } = dataset;
    const found = await findDifferences(dataset, { signal, now: () => new Date() });
    const rules = await readReplicationRules(place, signal);
    const fields = {
      source: `${toPlaceName(place)}, ${found.objects} objects, ${toSize(found.bytes)}`,
      replica: `${toPlaceName(mirror.place)}, ${mirror.mode === 'copy' ? 'copied by Holdfast' : 'replicated by the server'}`,
      'rules of the server': rules === undefined ? 'not told' : rules.map(({ id }) => id).join(', ') || 'none',
      missing: toText(found.missing),
      different: toText(found.different),
      'only in the replica': toText(found.extra),
      behind:
        found.behindSince === undefined
          ? 'by nothing'
          : `by ${toSize(found.behindBytes)}, the oldest written at ${found.behindSince}`,
    };
    return { document: { dataset: name, ...found, rules: rules ?? null }, text: toFields(fields), exit: Exit.done };
  },
};

/** Throws: request.refused for another kind; config.invalid for a bucket without a mirror. */
export function loadMirrored(
  installation: Installation,
  name: string,
): BucketDataset & { readonly mirror: BucketMirror } {
  const { kind } = installation.datasetConfig(name);
  if (kind !== 'bucket')
    throw new AppError('request.refused', `dataset "${name}" is of kind ${kind}; only a bucket has a mirror`);
  const dataset = installation.dataset(name) as BucketDataset;
  return { ...dataset, mirror: mirrorOf(dataset) };
}

const toText = ({ count, keys }: Noted): string =>
  count === 0
    ? 'none'
    : `${count}: ${toShortList(
        keys.map((key) => JSON.stringify(key)),
        { total: count },
      )}`;
