import { withPgSession } from '#common/engines/postgres/pg-session.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { giveUpSlot } from '#common/engines/postgres/wal/orphan-slots.js';
import { slotOf } from '#common/engines/postgres/wal/wal-archiver.js';
import { findSlot } from '#common/engines/postgres/wal/wal-slot.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { flag, text } from '../options.js';
import { toSize } from '../output/sizes.js';
import type { Verb } from '../verb.js';

export const archiveStop: Verb = {
  path: ['archive', 'stop'],
  summary:
    'drop the slot for which the server of a dataset keeps WAL, once the dataset archives none; without --yes only say what it keeps',
  argument: ['<dataset>', 'a dataset of the configuration: on its server the slot is'],
  options: [
    ['--slot <name>', 'another slot of that server: of a dataset that is not there any more'],
    ['--yes', 'drop it'],
  ],
  examples: ['archive stop shop', 'archive stop shop --yes', 'archive stop shop --slot holdfast_crm --yes'],
  async run({ installation, signal }, options, name) {
    const { kind } = installation.datasetConfig(name);
    if (kind !== 'postgres')
      throw new AppError('request.refused', `dataset "${name}" is of kind ${kind}, whose servers keep no slots`);
    const dataset = installation.dataset(name) as PostgresDataset;
    const slot = text(options, 'slot') ?? slotOf(dataset);
    const users = Object.keys(installation.config.datasets).filter((each) => asksFor(each));
    if (users.length > 0) {
      const hint =
        'Take `wal` out of its configuration and restart the executors first: they would make the slot anew.';
      throw new AppError(
        'request.refused',
        `dataset "${users.join('", "')}" archives through slot "${slot}"`,
        {},
        { hint },
      );
    }
    function asksFor(each: string): boolean {
      if (installation.datasetConfig(each).kind !== 'postgres') return false;
      const other = installation.dataset(each) as PostgresDataset;
      return other.wal?.mode === 'stream' && slotOf(other) === slot;
    }
    const isDropped = flag(options, 'yes');
    const retainedBytes = await withPgSession(
      dataset.connection,
      { signal, applicationName: 'holdfast archive stop' },
      async (session) => {
        if (isDropped) return (await giveUpSlot(session, slot)).retainedBytes;
        const state = await findSlot(session, slot);
        if (state !== undefined) return state.retainedBytes;
        throw new AppError('wal.slot-missing', `${session.label} has no slot "${slot}"`);
      },
    );
    const kept = `slot "${slot}", for which the server of ${name} ${isDropped ? 'kept' : 'keeps'} ${toSize(retainedBytes ?? 0)} of WAL`;
    return {
      document: { dataset: name, slot, retainedBytes, isDropped },
      text: isDropped ? `dropped ${kept}` : `${kept}; add --yes to drop it`,
      exit: Exit.done,
    };
  },
};
