import type { ReplayedPartition } from '#common/contracts/replayed-partition.js';
import { Exit } from '#common/errors/exit.js';
import { followRequest } from '../follow-run.js';
import { flag } from '../options.js';
import { toReplayedTable } from '../output/replay-text.js';
import { parseReplay, replayOptions } from '../replay-arguments.js';
import type { Verb } from '../verb.js';

export const replayRun: Verb = {
  path: ['replay', 'run'],
  summary:
    'bring back the events since a backup, an instant or given offsets; with --wait, exits 0 only when none of them was gone',
  options: [...replayOptions, ['--wait', 'follow the run until it ends']],
  examples: [
    'replay run --backup shop@latest --mode reset --wait',
    'replay run --backup shop@latest --mode republish --destination shop.orders.again --accept-readers audit',
    'replay run --dataset shop --since 2026-11-21T09:30:00Z --wait',
    'replay run --dataset shop --offsets shop.orders/0=120,shop.orders/1=98 --wait',
  ],
  async run(context, options) {
    const { data } = await parseReplay(options, context);
    const request = await context.api.request('replay.requested', data);
    if (!flag(options, 'wait')) {
      const text = `asked for a replay of ${data.dataset}; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text, exit: Exit.done };
    }
    const run = await followRequest(request, context);
    const { partitions, isComplete } = run.result as unknown as {
      partitions: ReplayedPartition[];
      isComplete: boolean;
    };
    const end = isComplete
      ? 'every event since then is there'
      : 'some events are gone from the bus; a backup of the topic could fill the gap';
    return {
      document: run,
      text: `${toReplayedTable(partitions)}\n${end}`,
      exit: isComplete ? Exit.done : Exit.failed,
    };
  },
};
