import type { StepOf } from '#common/config/plans/plan-steps.js';
import { ReplayRequested } from '#common/contracts/events/replay-requested.event.js';
import type { JsonObject } from '#common/domain/json.js';
import { decideReplayTopics } from '#common/domain/request.policy.js';
import { CheckWarning } from '#common/engines/check.js';
import { AppError } from '#common/errors/app-error.js';
import { locateBackup } from '../../backup-ref.js';
import { newLocalId } from '../../local/local-identity.js';
import { replayLocally, withReplayPlan } from '../../local/replay-locally.js';
import { given } from '../../options.js';
import { toReplayedTable } from '../../output/replay-text.js';
import type { ReplayArguments } from '../../replay-arguments.js';
import type { VerbContext } from '../../verb.js';
import { defineWorker } from '../step-worker.js';
import { toReference } from './restore.js';

type Step = StepOf<'replay'>;

export const replay = defineWorker('replay', {
  describe: ({ dataset, mode, since }) =>
    `brings the events of ${dataset} since ${since ?? 'the backup'} back (${mode})`,
  checks: (step, context) => [
    {
      name: `step ${step.name}: what the replay would do`,
      run: async () =>
        withReplayPlan(await toArguments(step, context), newLocalId(), context, async ({ partitions, refusals }) => {
          const [first] = refusals;
          // Consumers run on a good day, and are stopped by a step before.
          if (first !== undefined) throw new CheckWarning(`as things stand it would be refused: ${first.message}`);
          return `${partitions.length} partitions`;
        }),
    },
  ],
  async run(step, context) {
    const earlier = context.note as { readonly replayId: string } | null;
    const replayId = earlier?.replayId ?? newLocalId();
    context.keepNote({ replayId });
    const { partitions, isComplete } = await replayLocally(await toArguments(step, context), replayId, context);
    const events = partitions.reduce((sum, { replayed }) => sum + replayed, 0);
    const evidence = { dataset: step.dataset, isComplete, events, partitions } as unknown as JsonObject;
    if (!isComplete && step.gaps === 'fail') {
      const hint =
        'A backup of the topic could fill the gap. To go on without these events, say `gaps: accept` in the step and resume.';
      const gone = partitions.flatMap(({ topic, partition, gap }) =>
        gap === null ? [] : [`${topic}/${partition}: ${gap.recordsAtMost} at most`],
      );
      throw new AppError(
        'replay.events-gone',
        `some events of ${step.dataset} are gone from the bus`,
        { gone },
        { hint },
      );
    }
    return { outputs: {}, evidence, said: toReplayedTable(partitions) };
  },
});

/** Throws: request.refused, backup.*. */
async function toArguments(step: Step, context: VerbContext): Promise<ReplayArguments> {
  const {
    dataset,
    backup,
    since,
    mode,
    topics,
    groups,
    republishTo: destination,
    acceptReaders,
    recordsPerSecond,
  } = step;
  const located = backup === undefined ? undefined : await locateBackup(toReference(dataset, backup), context);
  const start = { dataset, mode, acceptReaders, backup: located?.backupId };
  const data = ReplayRequested.data.parse(given({ ...start, since, topics, groups, destination, recordsPerSecond }));
  decideReplayTopics(data, context.installation.topicRules(dataset));
  return { position: located?.manifest.busPosition, data };
}
