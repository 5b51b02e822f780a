import { describeTarget } from '#common/contracts/recovery-target.js';
import { toLsn } from '#common/domain/wal.js';
import { toNeededBytes } from '#common/engines/postgres/pitr/plan-recovery.js';
import { Exit } from '#common/errors/exit.js';
import { planRecovery } from '#common/operations/recovery/recover-dataset.js';
import { text } from '../options.js';
import { toSize } from '../output/sizes.js';
import { toFields } from '../output/table.js';
import { goalOptions, parseGoal } from '../recovery-goal.js';
import type { Verb } from '../verb.js';

export const recoverPlan: Verb = {
  path: ['recover', 'plan'],
  summary: 'show from which base backup, and with how much WAL, a point in time is reached; changes nothing',
  argument: ['<dataset>', 'a dataset of the configuration'],
  options: goalOptions,
  examples: ['recover plan shop --to-time 2026-03-01T12:00:00+01:00', 'recover plan shop --json'],
  async run({ installation, signal }, options, dataset) {
    const question = { dataset, goal: parseGoal(options), backupId: text(options, 'backup'), signal };
    const { decision } = await planRecovery(question, installation.primaryRepository(dataset));
    const { base, goal, timeline, reach } = decision;
    const segments = reach.files.length;
    const walBytes = segments * base.facts.segmentBytes;
    const end = toLsn(reach.end);
    const { backupId } = base;
    const chain = base.facts.chain.map((link) => link.backupId);
    return {
      document: {
        dataset,
        ...goal,
        timeline,
        backupId,
        backupTakenAt: base.facts.takenAt,
        chain,
        segments,
        walBytes,
        archivedUntil: end,
      },
      text: toFields({
        recovery: describeTarget(goal),
        'base backup': `${backupId} of ${base.facts.takenAt}, PostgreSQL ${base.facts.serverVersion}`,
        ...(chain.length === 0 ? {} : { 'builds on': chain.join(', ') }),
        timeline: String(timeline),
        WAL: `${segments} segments, ${toSize(walBytes)} once unpacked, up to ${end}`,
        space: toSize(toNeededBytes(base.facts, segments)),
      }),
      exit: Exit.done,
    };
  },
};
