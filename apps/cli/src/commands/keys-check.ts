import { type Problem, toProblem } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { openCanary, openIndexCanary } from '#common/operations/canary.js';
import type { Installation } from '#common/service/installation.js';
import { text } from '../options.js';
import type { Verb } from '../verb.js';

interface KeyOutcome {
  readonly repository: string;
  readonly state: 'opened' | 'plain' | 'failed';
  /** Is shared content named by an index identity, which was opened too? */
  readonly hasIndex: boolean;
  readonly problem: Problem | null;
}

export const keysCheck: Verb = {
  path: ['keys', 'check'],
  summary: 'open a canary in every encrypted repository: does the identity here still open what is written there?',
  options: [['--repository <name>', 'only this repository']],
  examples: ['keys check', 'keys check --repository offsite --json'],
  async run({ installation, signal }, options) {
    const only = text(options, 'repository');
    const names = only === undefined ? Object.keys(installation.config.repositories) : [only];
    const outcomes: KeyOutcome[] = [];
    for (const name of names) outcomes.push(await checkOne(name, installation, signal));
    const isGood = outcomes.every(({ state }) => state !== 'failed');
    const lines = outcomes.flatMap(toLines);
    return {
      document: { isGood, repositories: outcomes },
      text: lines.join('\n'),
      exit: isGood ? Exit.done : Exit.failed,
    };
  },
};

async function checkOne(name: string, installation: Installation, signal: AbortSignal): Promise<KeyOutcome> {
  const repository = installation.repository(name);
  const { recipients, indexIdentity } = repository.encryption;
  const hasIndex = recipients.length > 0 && (indexIdentity !== undefined || installation.sharesContent(name));
  const outcome = { repository: name, hasIndex };
  if (recipients.length === 0) return { ...outcome, state: 'plain', problem: null };
  try {
    await openCanary(repository, { signal });
    if (hasIndex) await openIndexCanary(repository, { signal });
    return { ...outcome, state: 'opened', problem: null };
  } catch (error) {
    signal.throwIfAborted();
    return { ...outcome, state: 'failed', problem: toProblem(error) };
  }
}

const toLines = ({ repository, state, hasIndex, problem }: KeyOutcome): string[] => {
  if (state === 'plain') return [`- repository ${repository}: its backups are not encrypted`];
  const identities = hasIndex ? 'the identity and the index identity open' : 'the identity opens';
  if (problem === null) return [`✓ repository ${repository}: ${identities} what is written`];
  return [`✗ repository ${repository}: ${problem.message}`, `    ${problem.code}: ${problem.hint}`];
};
