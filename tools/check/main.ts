import { stopSignal } from '#tools/process/stop-signal.js';
import { describeStep, runSteps } from './run-steps.js';
import { steps } from './steps.js';

/** `npm run check [-- step…]`: the quality gate, or some of its steps. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.find((name) => !steps.some((step) => step.name === name));
  if (unknown !== undefined) {
    console.error(`unknown step ${unknown}: it is one of ${steps.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const startedAt = performance.now();
  const chosen = steps.filter(({ name }) => names.length === 0 || names.includes(name));
  const results = await runSteps(chosen, stopSignal(), (result) => console.log(describeStep(result)));
  const failed = results.filter(({ isOk }) => !isOk).map(({ name }) => name);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    failed.length === 0 ? `check passed in ${seconds} s` : `check failed in ${seconds} s: ${failed.join(', ')}`,
  );
  return failed.length === 0 && results.length === chosen.length ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
