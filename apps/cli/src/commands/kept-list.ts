import { Exit } from '#common/errors/exit.js';
import { listKeptPlaces } from '../local/kept-locally.js';
import { toSize } from '../output/sizes.js';
import { toTable } from '../output/table.js';
import type { Verb } from '../verb.js';

export const keptList: Verb = {
  path: ['kept', 'list'],
  summary: 'list what restores by `swap` put aside on a target and keep there, the oldest first',
  argument: ['<target>', 'a restore target of the configuration'],
  options: [],
  examples: ['kept list staging'],
  async run(context, _, target) {
    const kept = await listKeptPlaces(target, context);
    const rows = kept.map(({ name, destination, keptAt, sizeBytes }) => [
      ...[destination, name, keptAt],
      sizeBytes === null ? 'unknown' : toSize(sizeBytes),
    ]);
    return { document: { target, kept }, text: toTable(['was', 'name', 'since', 'size'], rows), exit: Exit.done };
  },
};
