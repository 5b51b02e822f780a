import { Exit } from '#common/errors/exit.js';
import { loadRecoverable } from '#common/operations/recovery/load-recoverable.js';
import { decidePruning, pruneWal } from '#common/operations/recovery/prune-wal.js';
import { Keyring } from '#common/sealing/keyring.js';
import { flag } from '../options.js';
import { toSize } from '../output/sizes.js';
import type { Verb } from '../verb.js';

export const archivePrune: Verb = {
  path: ['archive', 'prune'],
  summary: 'delete archived WAL that is older than every base backup; without --yes only say how much',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [['--yes', 'delete it']],
  examples: ['archive prune shop', 'archive prune shop --yes'],
  async run({ installation, signal }, options, dataset) {
    const repository = installation.primaryRepository(dataset);
    const keyring = await Keyring.of(repository);
    const pruning = decidePruning(await loadRecoverable(dataset, { repository, keyring, signal }));
    const { before, objects } = pruning;
    const sizeBytes = objects.reduce((sum, object) => sum + object.sizeBytes, 0);
    const removed = flag(options, 'yes') ? await pruneWal(pruning, repository, signal) : 0;
    const what = `WAL before ${before}, which no base backup reads: ${objects.length} objects, ${toSize(sizeBytes)}`;
    const text = flag(options, 'yes') ? `${what}; ${removed} deleted` : `${what}; add --yes to delete it`;
    return { document: { dataset, before, objects: objects.length, sizeBytes, removed }, text, exit: Exit.done };
  },
};
