import type { DrillResultView } from '#common/contracts/api-views.js';
import { DrillMoment } from '#common/contracts/drill-moment.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { assertDrillAllowed } from '#common/service/drills/choose-drill.js';
import { followRequest } from '../follow-run.js';
import { drillLocally } from '../local/drill-locally.js';
import { newLocalId } from '../local/local-identity.js';
import { flag, text } from '../options.js';
import { toDrillResult } from '../output/drill-text.js';
import type { Verb } from '../verb.js';

export const drillRun: Verb = {
  path: ['drill', 'run'],
  summary:
    'restore to a scratch place, prove it, measure it, remove it; exits 0 only when it passed and met its objectives',
  argument: ['<drill>', 'a drill of the configuration'],
  options: [
    ['--at <moment>', 'backup, latest or random, instead of what the configuration says'],
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: ['drill run shop-quarterly --wait', 'drill run shop-pitr --at latest --local'],
  async run(context, options, name) {
    const config = context.installation.schedule(name);
    if (config.asks !== 'drill')
      throw new AppError('request.refused', `"${name}" is a schedule of backups, and no drill`);
    const { dataset, target, profile, method, destination } = config;
    const at = readMoment(text(options, 'at')) ?? config.at;
    const wish = { dataset, target, profile, method, ...(at && { at }), ...(destination && { destination }) };
    assertDrillAllowed(context.installation, wish, { runId: newLocalId(), attempt: 1 });
    if (flag(options, 'local')) return toDrillResult(await drillLocally({ ...wish, drill: name }, context));
    const request = await context.api.request('drill.requested', { ...wish, drill: name });
    if (!flag(options, 'wait')) {
      const said = `asked for drill ${name}; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text: said, exit: Exit.done };
    }
    const run = await followRequest(request, context);
    return { ...toDrillResult(run.result as unknown as DrillResultView), document: run };
  },
};

function readMoment(said: string | undefined): DrillMoment | undefined {
  if (said === undefined) return undefined;
  const moment = DrillMoment.safeParse(said);
  if (moment.success) return moment.data;
  throw new AppError('request.invalid', `--at must be ${DrillMoment.options.join(', ')}, not "${said}"`);
}
