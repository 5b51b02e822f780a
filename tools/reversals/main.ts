import { stopSignal } from '#tools/process/stop-signal.js';
import { watchServices } from '#tools/services/started.js';
import { loadReversals, type Reversal } from './reversal.js';
import { ScratchCopy, type Trial } from './scratch-copy.js';

/** By the number of its sentence, or by a word of what it says; all of them without arguments. */
const isChosen = ({ sentence, what }: Reversal, words: readonly string[]): boolean =>
  words.length === 0 || words.some((word) => word === sentence || (word.length > 2 && what.includes(word)));

/** What each test says of the code as it is. */
type Straight = Map<string, Trial>;

/** The test must pass as the code is, or its failure says nothing about the reversal. */
async function isNoticed(
  reversal: Reversal,
  { copy, straight }: { copy: ScratchCopy; straight: Straight },
  signal: AbortSignal,
): Promise<boolean> {
  const startedAt = performance.now();
  const say = ({ outcome, output }: Trial, isGood: boolean, how = ''): boolean => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6);
    const { sentence, what, spec, test } = reversal;
    console.log(`${isGood ? 'ok  ' : 'BAD '}${seconds} s  ${sentence.padEnd(3)} ${what}: ${outcome}${how}`);
    if (!isGood) console.log(`      ${spec}: “${test}”\n${output.split('\n').slice(0, 40).join('\n')}`);
    return isGood;
  };
  const named = `${reversal.spec} ${reversal.test}`;
  const before = straight.get(named) ?? (await copy.tryStraight(reversal, signal));
  straight.set(named, before);
  if (before.outcome !== 'passed') return say(before, false, ' without any reversal');
  const reversed = await copy.tryReversed(reversal, signal);
  return say(reversed, reversed.outcome === 'failed');
}

async function countNoticed(chosen: readonly Reversal[], signal: AbortSignal): Promise<number> {
  const copy = await ScratchCopy.create();
  const straight: Straight = new Map();
  let noticed = 0;
  try {
    for (const reversal of chosen) if (await isNoticed(reversal, { copy, straight }, signal)) noticed += 1;
  } finally {
    await copy.remove();
  }
  return noticed;
}

/** `npm run test:reversals [-- sentence|word…]`: exits 0 only when every named test noticed its reversal. */
async function main(words: readonly string[]): Promise<number> {
  const chosen = loadReversals().filter((reversal) => isChosen(reversal, words));
  const signal = stopSignal();
  const services = await watchServices();
  try {
    if (!(await services.start(signal))) return 1;
    const noticed = await countNoticed(chosen, signal);
    console.log(`\n${noticed} of ${chosen.length} reversals noticed`);
    return noticed === chosen.length && chosen.length > 0 ? 0 : 1;
  } finally {
    await services.stop();
  }
}

process.exitCode = await main(process.argv.slice(2));
