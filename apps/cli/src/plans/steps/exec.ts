import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Check } from '#common/engines/check.js';
import { AppError } from '#common/errors/app-error.js';
import { toChildEnvironment } from '#common/process/base-environment.js';
import { quoteArgument } from '#common/process/command.js';
import { endMarked } from '#common/process/marked.js';
import { runProgram } from '#common/process/run-program.js';
import { defineWorker } from '../step-worker.js';

/** The program, and what it starts in its turn, carries the step that it works for: an interrupted one is found by it and ended. */
const MARK = 'HOLDFAST_STEP';
const OUTPUT_BYTES = 4_096;

export const exec = defineWorker('exec', {
  describe: ({ command }) => command.map(quoteArgument).join(' '),
  checks: ({ name, command, directory }) => [programCheck(`step ${name}: program`, command[0] ?? '', directory)],
  async run({ name, command, env, directory, keepOutput }, { runId, isUnfinished, signal, tell }) {
    const mark = `${runId}/${name}`;
    if (isUnfinished) await endMarked(MARK, mark, { signal });
    const [program = '', ...args] = command;
    const own = { ...env, [MARK]: mark, HOLDFAST_RUN: runId };
    const cwd = directory === undefined ? {} : { cwd: directory };
    const end = await runProgram({ program, args, env: own, ...cwd }, { signal, onLine: tell });
    if (end.exitCode !== 0) {
      const how =
        end.exitCode === null ? `was ended by ${end.signal ?? 'a signal'}` : `ended with exit code ${end.exitCode}`;
      const { stdoutTail, stderrTail, exitCode } = end;
      throw new AppError('plan.program', `${program} ${how}`, { program, exitCode, stderrTail, stdoutTail });
    }
    const stdout = end.stdoutTail.trim();
    if (keepOutput && Buffer.byteLength(stdout) > OUTPUT_BYTES)
      throw new AppError(
        'plan.program',
        `${program} wrote more than ${OUTPUT_BYTES} bytes to stdout, which \`keepOutput\` keeps`,
      );
    const evidence = {
      command: [...command],
      exitCode: 0,
      ...(keepOutput ? {} : { stdoutTail: stdout }),
      stderrTail: end.stderrTail,
    };
    return { outputs: keepOutput ? { stdout } : {}, evidence, said: `${program} ended with exit code 0` };
  },
});

const programCheck = (name: string, program: string, directory: string | undefined): Check => ({
  name,
  run: async () => {
    if (directory !== undefined && !(await stat(directory).catch(() => undefined))?.isDirectory())
      throw new AppError(
        'plan.program',
        `there is no directory ${directory}`,
        {},
        { hint: 'Correct `directory` of the step, or make the directory.' },
      );
    const found = await findProgram(program, directory);
    if (found !== undefined) return found;
    const hint = 'Install the program on this machine, or write its whole path into `command`.';
    throw new AppError('plan.program', `there is no program ${program} to execute`, { program }, { hint });
  },
});

async function findProgram(program: string, directory = process.cwd()): Promise<string | undefined> {
  const folders = program.includes('/') ? [directory] : (toChildEnvironment()['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    const file = program.startsWith('/') ? program : join(folder, program);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
