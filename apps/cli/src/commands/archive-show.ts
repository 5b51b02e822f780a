import { findWindows, type RecoveryWindow } from '#common/engines/postgres/pitr/window.js';
import { Exit } from '#common/errors/exit.js';
import { loadRecoverable } from '#common/operations/recovery/load-recoverable.js';
import { Keyring } from '#common/sealing/keyring.js';
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
    const keyring = await Keyring.of(repository);
    const known = await loadRecoverable(dataset, { repository, keyring, signal });
    const windows = findWindows(known);
    const { systemId, head } = known;
    const segments = known.index.timelineIds.map((timeline) => ({ timeline, runs: known.index.runs(timeline) }));
    const count = segments
      .flatMap(({ runs }) => runs)
      .reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
    const fields = {
      cluster: systemId,
      segments: String(count),
      'complete until':
        head === undefined ? 'unknown: nothing is streamed' : `${head.at} (${head.lsn}, timeline ${head.timeline})`,
    };
    return {
      document: { dataset, systemId, head: head ?? null, segments: count, windows },
      text: [toFields(fields), '', toWindowTable(windows)].join('\n'),
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
