import { describeStep, runSteps } from '#tools/check/run-steps.js';
import { steps } from '#tools/check/steps.js';
import { stopSignal } from '#tools/process/stop-signal.js';
import { tellStandIns } from '#tools/services/control.js';
import { watchServices } from '#tools/services/started.js';
import { ensureTemporal } from '#tools/services/temporal.js';
import { runTier } from './run-tier.js';
import { addTallies, noTests, type Tally, type Tier, tiers, toClosingLine } from './tiers.js';

/** What one part of the run came to, for the closing table. */
interface Part {
  readonly name: string;
  readonly durationMs: number;
  readonly tally: Tally;
}

/** The quality gate; each of its steps counts as one test, the unit tests as what they are. */
async function runGate(signal: AbortSignal): Promise<Part[]> {
  const startedAt = performance.now();
  const results = await runSteps(steps, signal, (result) => console.log(describeStep(result)));
  const durationMs = performance.now() - startedAt;
  const gate = results.filter(({ tally }) => tally === undefined);
  const failed = gate.filter(({ isOk }) => !isOk).map(({ name }) => name);
  const unit = results.flatMap(({ name, tally, durationMs }) => (tally ? [{ name, tally, durationMs }] : []));
  return [{ name: 'check', durationMs, tally: { passed: gate.length - failed.length, failed, skipped: [] } }, ...unit];
}

interface Choice {
  readonly jestArgs: readonly string[];
  readonly isWholeSuite: boolean;
}

async function runTiers(chosen: readonly Tier[], choice: Choice, signal: AbortSignal): Promise<Part[]> {
  const parts: Part[] = [];
  for (const name of chosen) {
    if (signal.aborted) break;
    console.log(`\n${name} tests`);
    const { durationMs, tally, table } = await runTier(name, { signal, output: 'show', ...choice });
    if (table !== '') console.log(`\n${table}`);
    parts.push({ name, durationMs, tally });
  }
  return parts;
}

interface ServicedRun {
  readonly parts: readonly Part[];
  /** A line for each service that was not the real one. */
  readonly standIns: readonly string[];
}

/** Runs what needs services between their start and their stop. Services that do not start are a failure. */
async function runWithServices(chosen: readonly Tier[], choice: Choice, signal: AbortSignal): Promise<ServicedRun> {
  console.log('\nservices');
  const startedAt = performance.now();
  const services = await watchServices();
  try {
    const isUp = await services.start(signal);
    const durationMs = performance.now() - startedAt;
    const standIns = await tellStandIns();
    if (isUp) await buildTemporal(chosen, choice);
    if (isUp) return { parts: await runTiers(chosen, choice, signal), standIns };
    return {
      parts: [{ name: 'services', durationMs, tally: { ...noTests, failed: ['the services do not start'] } }],
      standIns,
    };
  } finally {
    await services.stop();
  }
}

/** Ahead of the specs that need it, whose time limits no build would fit into. Where it cannot be built, those specs say why. */
async function buildTemporal(chosen: readonly Tier[], { jestArgs }: Choice): Promise<void> {
  const isServiced = chosen.includes('int') || chosen.includes('e2e');
  const isNeeded = isServiced && (jestArgs.length === 0 || jestArgs.some((arg) => /temporal|platform|pairs/.test(arg)));
  if (isNeeded) await ensureTemporal(console.log).catch((error: Error) => console.log(error.message));
}

function printSummary({ parts, standIns }: ServicedRun, total: Tally): void {
  console.log('\nsummary');
  for (const { name, durationMs, tally } of parts) {
    console.log(`  ${name.padEnd(9)} ${(durationMs / 1000).toFixed(1).padStart(6)} s   ${toClosingLine(tally)}`);
  }
  for (const name of total.failed) console.log(`  failed: ${name}`);
  for (const name of total.skipped) console.log(`  did not run: ${name}`);
  for (const line of standIns) console.log(`  ${line}`);
  console.log(`\n${toClosingLine(total)}`);
}

/** Not only the specs and cases that represent the rest: `npm run test:every`. */
const EVERY = '--every';

/**
 * `npm test [-- tier… jest-arguments…]`: everything (the quality gate with the unit tests, then the tiers that need
 * services), or only the named tiers. Exits 0 only when something ran and nothing failed.
 */
async function main(args: readonly string[]): Promise<number> {
  const isTier = (arg: string): arg is Tier => (tiers as readonly string[]).includes(arg);
  const named = args.filter(isTier);
  const jestArgs = args.filter((arg) => !isTier(arg) && arg !== EVERY);
  const choice = { jestArgs, isWholeSuite: args.includes(EVERY) };
  const isWhole = named.length === 0;
  const signal = stopSignal();

  const parts = isWhole ? await runGate(signal) : [];
  if (named.includes('unit')) parts.push(...(await runTiers(['unit'], choice, signal)));
  const serviced = tiers.filter((tier) => tier !== 'unit' && (isWhole || named.includes(tier)));
  const isServiced = serviced.length > 0 && !signal.aborted;
  const run = isServiced ? await runWithServices(serviced, choice, signal) : { parts: [], standIns: [] };
  parts.push(...run.parts);

  const total = addTallies(parts.map(({ tally }) => tally));
  if (signal.aborted) console.log('\ninterrupted: what follows is not the whole run');
  printSummary({ ...run, parts }, total);
  return total.failed.length === 0 && total.passed > 0 && !signal.aborted ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
