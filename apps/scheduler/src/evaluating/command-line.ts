import { dirname, join } from 'node:path';
import { z } from 'zod';
import { environment } from '#common/config/load-config.js';
import { ProblemShape } from '#common/contracts/names.js';
import type { PlanProblem } from '#common/contracts/plan-forecast.js';
import { AppError } from '#common/errors/app-error.js';
import { Exit } from '#common/errors/exit.js';
import { runCommand } from '#common/process/run-command.js';

/** How an operator's `holdfast` is started here. */
export interface CommandLine {
  readonly program: string;
  /** Before the verb. */
  readonly args: readonly string[];
  /** The configuration, and what its references are read from. */
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The one that lies beside this service, with its configuration and environment. */
export const ownCommandLine = (configFile: string, service: string): CommandLine => ({
  ...{ program: process.execPath, args: [join(dirname(service), 'holdfast.js')], configFile },
  env: Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ),
});

/** A plan with a server that does not answer takes as long as its clients' patience, for each step. */
const ANSWER_WITHIN_MS = 10 * 60_000;

/** Runs a verb with `--json`; `exit` 0 and 1 both carry its document. Throws: the problem that it told; engine.spawn, engine.exit; the abort reason. */
async function ask(line: CommandLine, args: readonly string[], signal: AbortSignal): Promise<unknown> {
  const { program, args: first, configFile, env } = line;
  const command = { program, args: [...first, ...args, '--json', '--config', configFile], env };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  const { stdout } = await runCommand(command, { signal: limit, acceptExitCodes: Object.values(Exit) }).catch(
    (error: unknown) => {
      if (!limit.aborted || signal.aborted) throw error;
      throw new AppError(
        'plan.timeout',
        `holdfast ${args.join(' ')} gave no answer within ${ANSWER_WITHIN_MS / 1_000} s`,
      );
    },
  );
  return JSON.parse(stdout);
}

const Told = z.object({ error: ProblemShape });

const Checks = z.object({
  checks: z.array(z.object({ name: z.string(), state: z.string(), problem: ProblemShape.nullable() })),
});

/** Why a plan would fail now, as `holdfast recovery check` finds it; empty: it would succeed. Throws: as a verb that cannot be run. */
export async function askProblems(line: CommandLine, plan: string, signal: AbortSignal): Promise<PlanProblem[]> {
  const answer = await ask(line, ['recovery', 'check', plan], signal);
  const told = Told.safeParse(answer);
  if (told.success) return [toProblem('the plan as a whole', told.data.error)];
  return Checks.parse(answer).checks.flatMap(({ name, state, problem }) =>
    state === 'failed' && problem !== null ? [toProblem(name, problem)] : [],
  );
}

const toProblem = (check: string, { code, message, hint }: z.infer<typeof ProblemShape>): PlanProblem => ({
  ...{ check, code, message, hint },
});

const Planned = z.object({
  steps: z.array(
    z.object({
      name: z.string(),
      use: z.string(),
      lastSeconds: z.number().nullable(),
      brings: z.object({ backupId: z.string(), upTo: z.string() }).nullable(),
    }),
  ),
});
export type PlannedSteps = z.infer<typeof Planned>['steps'];

/** What a plan would do, as `holdfast recovery plan` foresees it; undefined where it cannot. Throws: as a verb that cannot be run. */
export async function askSteps(
  line: CommandLine,
  plan: string,
  signal: AbortSignal,
): Promise<PlannedSteps | undefined> {
  const answer = Planned.safeParse(await ask(line, ['recovery', 'plan', plan], signal));
  return answer.success ? answer.data.steps : undefined;
}
