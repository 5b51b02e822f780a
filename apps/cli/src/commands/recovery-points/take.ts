import type { PointDocument } from '#common/contracts/point-document.js';
import { Exit } from '#common/errors/exit.js';
import { followRequest } from '../../follow-run.js';
import { pointLocally } from '../../local/point-locally.js';
import { flag } from '../../options.js';
import { toTakenText } from '../../output/point-text.js';
import type { Verb } from '../../verb.js';
import type { VerbResult } from '../../verb-result.js';

export const recoveryPointsTake: Verb = {
  path: ['recovery-points', 'take'],
  summary:
    'back up all members of a recovery point, close together and in the right order; exits 0 only when they agree',
  argument: ['<point>', 'a recovery point of the configuration'],
  options: [
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: ['recovery-points take platform --wait', 'recovery-points take platform --local --json'],
  async run(context, options, point) {
    context.installation.point(point);
    if (flag(options, 'local')) {
      const document = await pointLocally(point, context);
      return toResult(document, { ...document, agrees: document.problems.length === 0 });
    }
    const request = await context.api.request('point.requested', { point });
    if (!flag(options, 'wait')) {
      const said = `asked for recovery point ${point}; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text: said, exit: Exit.done };
    }
    const run = await followRequest(request, context);
    return toResult(run.result as unknown as PointDocument, run);
  },
};

const toResult = (taken: PointDocument, document: unknown): VerbResult => ({
  ...{ document, text: toTakenText(taken) },
  exit: taken.problems.length === 0 ? Exit.done : Exit.failed,
});
