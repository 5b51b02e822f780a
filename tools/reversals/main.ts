import { stopSignal } from '#tools/process/stop-signal.js';
import { startServices } from '#tools/test/services.js';
import { loadReversals, type Reversal } from './reversal.js';
import { type Outcome, ScratchCopy } from './scratch-copy.js';

/** By the number of its sentence, or by a word of what it says; all of them without arguments. */
const isChosen = ({ sentence, what }: Reversal, words: readonly string[]): boolean =>
  words.length === 0 || words.some((word) => word === sentence || (word.length > 2 && what.includes(word)));

/** What each test says of the code as it is. */
type Straight = Map<string, Outcome>;

/** The test must pass as the code is, or its failure says nothing about the reversal. */
async function tryOne(
  reversal: Reversal,
  { copy, straight }: { copy: ScratchCopy; straight: Straight },
  signal: AbortSignal,
): Promise<boolean> {
  const startedAt = performance.now();
  const say = (outcome: Outcome, isGood: boolean, how: string): boolean => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6);
    const { sentence, what, spec, test } = reversal;
    console.log(`${isGood ? 'ok  ' : 'BAD '}${seconds} s  ${sentence.padEnd(3)} ${what}: ${outcome}${how}`);
    if (!isGood) console.log(`      ${spec}: “${test}”`);
    return isGood;
  };
  const named = `${reversal.spec} ${reversal.test}`;
  const before = straight.get(named) ?? (await copy.tryStraight(reversal, signal));
  straight.set(named, before);
  if (before !== 'passed') return say(before, false, ' without any reversal');
  const reversed = await copy.tryReversed(reversal, signal);
  return say(reversed, reversed === 'failed', '');
}

/** `npm run test:reversals [-- sentence|word…]`: exits 0 only when every named test noticed its reversal. */
async function main(words: readonly string[]): Promise<number> {
  const chosen = loadReversals().filter((reversal) => isChosen(reversal, words));
  const signal = stopSignal();
  const services = await startServices(signal);
  const copy = await ScratchCopy.create();
  const straight: Straight = new Map();
  let noticed = 0;
  try {
    if (!services.isOk) return 1;
    for (const reversal of chosen) if (await tryOne(reversal, { copy, straight }, signal)) noticed += 1;
  } finally {
    await copy.remove();
    await services.stop();
  }
  console.log(`\n${noticed} of ${chosen.length} reversals noticed`);
  return noticed === chosen.length && chosen.length > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
