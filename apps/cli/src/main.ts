import { AppError, toAppError } from '#common/errors/app-error.js';
import { runCommandLine } from './command-line.js';
import { Output } from './output/output.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const hint = 'A run on the executors goes on: see `holdfast runs list`.';
    const interrupted = new AppError('run.interrupted', `stopped by ${signal}`, {}, { hint });
    // A second Ctrl-C does not wait for what the first one is still tidying.
    if (stop.signal.aborted) process.exit(interrupted.exit);
    stop.abort(interrupted);
  });
}

try {
  process.exitCode = await runCommandLine(process.argv, stop.signal);
} catch (error) {
  const thrown = toAppError(error);
  // A verb that knows more of its interruption, how to go on say, tells it itself.
  const problem = stop.signal.aborted && thrown.code !== 'run.interrupted' ? toAppError(stop.signal.reason) : thrown;
  new Output(process.argv.includes('--json')).problem(problem);
  process.exitCode = problem.exit;
}
