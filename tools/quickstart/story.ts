import { toTable } from '#tools/sandbox/reporter.js';
import { accountFor, accountHead } from './accounting.js';
import { catchUp, rebuildSearch, replay } from './aftermath.js';
import type { CloudEvent } from './cloud-event.js';
import { backUp, destroy, liveOn, restoreDatabase, restoreMedia, verify } from './disaster.js';
import { cleanUp, openHoldfast, openShop, takeOrders } from './opening.js';
import { type Stage, summarize, toSummaryText } from './stage.js';
import {
  toEvidenceLines,
  toVerdictRows,
  toVerification,
  type Verdicts,
  type Verification,
  verdictHead,
} from './verdicts.js';

/** How many steps there are, the start of the services included. */
export const storySteps = 14;

/**
 * Backup, destruction, restore, proof and replay of the sample shop, its database and its pictures, everything asked for over the bus.
 * True only when every verdict is passed, no event was lost, and the shop has every order again, none twice.
 */
export async function playStory(stage: Stage): Promise<boolean> {
  const { reporter } = stage;
  await reporter.tell('start afresh', () => cleanUp(stage));
  await reporter.tell('open the sample shop: three tenants behind forced row-level security', () => openShop(stage));
  await reporter.tell('start scheduler, executor and verifier', () => openHoldfast(stage));
  await reporter.tell('customers order', () => takeOrders(stage));
  const backups = await reporter.tell('back up database and pictures, while customers go on ordering', () =>
    backUp(stage),
  );
  const before = await reporter.tell('life goes on after the backup', () => liveOn(stage));
  await reporter.tell('disaster: database and pictures are destroyed', () => destroy(stage));
  const proof = await reporter.tell('restore the database, and prove it equal', () =>
    prove(stage, restoreDatabase(stage, backups)),
  );
  const mediaProof = await reporter.tell('restore the pictures, and prove that every product has its own', () =>
    prove(stage, restoreMedia(stage, backups)),
  );
  const restored = await reporter.tell('rebuild the search index through the shop', async () => {
    const summary = await summarize(stage);
    reporter.note(toSummaryText(summary));
    await rebuildSearch(stage);
    return summary;
  });
  const fullProof = await reporter.tell('prove everything, application and search included', () =>
    prove(stage, verify(stage, backups)),
  );
  const isComplete = await reporter.tell('replay the orders since the backup', () => replay(stage, backups.database));
  const after = await reporter.tell('the projector catches up', () => catchUp(stage));

  const isProven = printVerdicts(stage, { first: proof, media: mediaProof, last: fullProof });
  const account = accountFor(before, restored, after);
  reporter.line(`\norders\n\n${toTable(accountHead, account.rows)}\n`);
  for (const problem of account.problems) reporter.line(`wrong: ${problem}`);
  if (!isComplete) reporter.line('wrong: events since the backup are gone from the bus');
  return isProven && isComplete && account.isRight;
}

/** A verdict that is not passed is shown at once: what follows may end in an error before the table. */
async function prove({ reporter }: Stage, asked: Promise<CloudEvent>): Promise<Verification> {
  const verification = toVerification(await asked);
  if (verification.verdict !== 'passed') reporter.note(toEvidenceLines(verification).join('\n'));
  return verification;
}

function printVerdicts({ reporter }: Stage, verdicts: Verdicts): boolean {
  reporter.line(`\nverdicts\n\n${toTable(verdictHead, toVerdictRows(verdicts))}`);
  reporter.line('\nevidence\n');
  for (const each of [verdicts.last, verdicts.media])
    for (const line of toEvidenceLines(each)) reporter.line(`  ${line}`);
  return Object.values(verdicts).every(({ verdict }) => verdict === 'passed');
}
