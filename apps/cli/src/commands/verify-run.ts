import { Exit } from '#common/errors/exit.js';
import { backupArgument, loadManifest, methodOption, withMethod } from '../backup-ref.js';
import { followRequest } from '../follow-run.js';
import { verifyLocally } from '../local/verify-locally.js';
import { flag, requiredText } from '../options.js';
import { toVerdictResult, type VerdictDocument } from '../output/verdict-text.js';
import type { Verb } from '../verb.js';

export const verifyRun: Verb = {
  path: ['verify', 'run'],
  summary: 'prove that a restored database equals a backup; exits 0 only when the verdict is passed',
  options: [
    ['--target <name>', 'a restore target of the configuration'],
    ['--destination <name>', 'what was restored: a database, a prefix, an index, a topic'],
    ['--backup <backup>', backupArgument[1]],
    methodOption,
    ['--profile <name>', 'a verification profile of the configuration'],
    ['--wait', 'follow the run until it ends'],
    ['--local', 'do it in this process: needs neither bus nor catalog'],
  ],
  examples: ['verify run --target staging --destination shop_2 --backup shop@latest --profile shop --wait'],
  async run(context, options) {
    const [target, destination] = [requiredText(options, 'target'), requiredText(options, 'destination')];
    const profile = requiredText(options, 'profile');
    context.installation.target(target);
    const manifest = await loadManifest(withMethod(requiredText(options, 'backup'), options), context);
    context.installation.profile(profile, manifest.dataset);
    if (flag(options, 'local')) return verifyLocally({ manifest, target, destination, profile }, context);
    const data = { dataset: manifest.dataset, backup: manifest.backupId, target, destination, profile };
    const request = await context.api.request('verification.requested', data);
    if (!flag(options, 'wait')) {
      const text = `asked for a verification of "${destination}"; follow it with: holdfast runs show ${request.runId}`;
      return { document: request, text, exit: Exit.done };
    }
    const run = await followRequest(request, context);
    return { ...toVerdictResult(run.result as unknown as VerdictDocument), document: run };
  },
};
