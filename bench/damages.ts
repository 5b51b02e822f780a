import { DAMAGE_TABLES } from '#common/testing/damages/damages.js';
import { toFixed } from './report.js';

interface Row {
  readonly damage: string;
  readonly probe: string;
  readonly found: string;
}

/** Each damage done to a restore on a real server, with the probe that has to find it and what it said of the object. */
export async function benchDamages(): Promise<void> {
  const startedAt = performance.now();
  let total = 0;
  const missed: string[] = [];
  for (const table of DAMAGE_TABLES) {
    const bed = await table.start();
    console.log(`\n## ${table.kind}: ${table.damages.length} damages\n\n| damage | probe | evidence |\n|---|---|---|`);
    try {
      for (const { name, use } of table.damages) {
        const { problems, expected, outcome } = await bed.suffer(name);
        const found = problems.find((problem) => problem.includes(expected));
        const isFound = found !== undefined && outcome.verdict === 'failed';
        print({ damage: name, probe: use, found: found ?? `MISSED: ${outcome.verdict}, ${outcome.summary}` });
        total += 1;
        if (!isFound) missed.push(`${table.kind}: ${name}`);
      }
    } finally {
      await bed.close();
    }
  }
  const seconds = toFixed((performance.now() - startedAt) / 1_000, 0);
  console.log(`\n${total - missed.length} of ${total} damages found, in ${seconds} s`);
  if (missed.length > 0) process.exitCode = 1;
}

const print = ({ damage, probe, found }: Row): void =>
  console.log(
    `| ${[damage, `\`${probe}\``, found].map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`,
  );
