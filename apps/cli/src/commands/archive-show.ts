import type { RecoveryWindow } from '#common/engines/postgres/pitr/window.js';
import { Exit } from '#common/errors/exit.js';
import { toNoBaseError } from '#common/operations/recovery/load-recoverable.js';
import { readReach } from '#common/operations/recovery/read-reach.js';
import { toHoleText } from '../output/reach-text.js';
import { toFields, toTable } from '../output/table.js';
import type { Verb } from '../verb.js';

export const archiveShow: Verb = {
  path: ['archive', 'show'],
  summary: 'show to which moments a dataset can be recovered, and the holes between them: the repository’s word',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: [],
  examples: ['archive show shop', 'archive show shop --json'],
  async run({ installation, signal }, _options, dataset) {
    const repository = installation.primaryRepository(dataset);
    const reach = await readReach(dataset, { repository, signal });
    if (reach === undefined) throw toNoBaseError(dataset);
    const { head, windows, holes, ...of } = reach;
    const fields = {
      cluster: of.systemId,
      segments: String(of.segments),
      'complete until':
        head === undefined ? 'unknown: nothing is streamed' : `${head.at} (${head.lsn}, timeline ${head.timeline})`,
    };
    return {
      document: { dataset, ...of, head: head ?? null, windows, holes },
      text: [toFields(fields), '', toWindowTable(windows), ...holes.map(toHoleText)].join('\n'),
      exit: Exit.done,
    };
  },
};

/** Between two rows of one timeline lies a hole. */
const toWindowTable = (windows: readonly RecoveryWindow[]): string =>
  toTable(
    ['timeline', 'from', 'to', 'base backups'],
    windows.map(({ timeline, from, to, bases }) => [
      String(timeline),
      `${from.at} (${from.lsn})`,
      `${to.at ?? 'the last commit before'} (${to.lsn})`,
      bases.length === 1 ? (bases[0] ?? '') : `${bases.length}, ${bases[0] ?? ''} first`,
    ]),
  );
