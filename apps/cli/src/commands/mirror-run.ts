import { mirrorOnce } from '#common/engines/bucket/mirror/mirror-round.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { toSize } from '../output/sizes.js';
import type { Verb } from '../verb.js';
import { loadMirrored } from './mirror-show.js';

export const mirrorRun: Verb = {
  path: ['mirror', 'run'],
  summary:
    'bring a replica up to date once, in this process; executors do so all the time, and a round of theirs beside this one does no harm',
  argument: ['<dataset>', 'a dataset of kind bucket that has a mirror'],
  options: [['--local', 'a round needs neither bus nor catalog: the same with and without it']],
  examples: ['mirror run media'],
  async run({ installation, signal, output }, _options, name) {
    const dataset = loadMirrored(installation, name);
    if (dataset.mirror.mode === 'watch')
      throw new AppError('request.refused', `the server keeps the replica of "${name}": mirror.mode is watch`);
    const startedAt = performance.now();
    const onBehind = (bytes: number): void =>
      output.progress(
        `mirror ${name}, behind`,
        { stage: 'objects', bytes, totalBytes: null },
        performance.now() - startedAt,
      );
    const { shrunk, refused, ...round } = await mirrorOnce(dataset, { signal, now: () => new Date(), onBehind });
    if (shrunk !== undefined) throw shrunk;
    const { objects, copied, copiedBytes, removed, waiting } = round;
    const text = [
      `the replica of ${name} has ${objects - refused.count} of ${objects} objects: ${copied} copied (${toSize(copiedBytes)}), ${removed} removed, ${waiting} kept until their grace time ends`,
      ...(refused.count === 0 ? [] : [`not taken: ${refused.keys.map((key) => JSON.stringify(key)).join(', ')}`]),
    ].join('\n');
    return {
      document: { dataset: name, ...round, refused },
      text,
      exit: refused.count === 0 ? Exit.done : Exit.failed,
    };
  },
};
