import { AppError, toAppError } from '#common/errors/app-error.js';
import { runCommandLine } from './command-line.js';
import { Output } from './output/output.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () =>
    stop.abort(
      new AppError(
        'run.interrupted',
        `stopped by ${signal}`,
        {},
        { hint: 'A run on the executors goes on: see `holdfast runs list`.' },
      ),
    ),
  );
}

try {
  process.exitCode = await runCommandLine(process.argv, stop.signal);
} catch (error) {
  const problem = toAppError(stop.signal.aborted ? stop.signal.reason : error);
  new Output(process.argv.includes('--json')).problem(problem);
  process.exitCode = problem.exit;
}
