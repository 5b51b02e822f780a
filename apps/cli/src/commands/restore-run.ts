import { Exit } from '#common/errors/exit.js';
import { backupArgument } from '../backup-ref.js';
import { followRequest, followRun } from '../follow-run.js';
import { restoreLocally } from '../local/restore-locally.js';
import { flag, given } from '../options.js';
import { runView, toRunText } from '../output/run-text.js';
import { toVerdictResult, type VerdictDocument } from '../output/verdict-text.js';
import { parseRestore, restoreOptions } from '../restore-arguments.js';
import type { Verb } from '../verb.js';

export const restoreRun: Verb = {
  path: ['restore', 'run'],
  summary: 'bring a backup back to a target; with a profile, prove afterwards that it is equal',
  argument: backupArgument,
  options: [
    ...restoreOptions,
    ['--profile <name>', 'verify afterwards; with --wait the exit code is that of the verdict'],
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: [
    'restore run shop@latest --target staging --destination shop_2 --profile shop --wait',
    'restore run shop@latest --target staging --strategy in-place --local',
    "restore run media@latest --target media-standby --strategy sync --parts '2026/*' logo.png --local",
    'restore run shop@latest --target recovered --to-time 2026-03-01T12:00:00+01:00 --wait',
  ],
  async run(context, options, reference) {
    const wish = await parseRestore(reference, options, context);
    if (flag(options, 'local')) return restoreLocally(wish, context);
    const { manifest, targetName: target, destination, strategy, profile, safetyBackup, goal, parts } = wish;
    const data = { dataset: manifest.dataset, backup: manifest.backupId, target, destination, strategy, safetyBackup };
    const request = await context.api.request('restore.requested', {
      ...data,
      ...given({ profile, recovery: goal, parts }),
    });
    if (!flag(options, 'wait')) {
      const text = `asked for a restore to "${destination}" of ${target}; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text, exit: Exit.done };
    }
    const restore = await followRequest(request, context);
    const verificationRunId = restore.result?.['verificationRunId'];
    if (typeof verificationRunId !== 'string') return runView(restore);
    context.output.part(toRunText(restore));
    const verification = await followRun(verificationRunId, context, { mayBeLate: true });
    const verdict = toVerdictResult(verification.result as unknown as VerdictDocument);
    return { ...verdict, document: { restore, verification } };
  },
};
