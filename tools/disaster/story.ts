import { rm } from 'node:fs/promises';
import { dropDatabases } from '#tools/platform/server-login.js';
import { startApps } from '#tools/sandbox/apps.js';
import { forgetTopics } from '#tools/sandbox/kafka.js';
import { prepareHoldfast } from '#tools/sandbox/prepare.js';
import { toTable } from '#tools/sandbox/reporter.js';
import type { Scene } from '#tools/sandbox/scene.js';
import { toHoldfastEnvironment } from '#tools/sandbox/secrets.js';
import { hasTemporal } from '#tools/services/temporal.js';
import type { ShopSummary } from '../../examples/shop/summary.js';
import { type Account, accountFor, accountHead, type Counts, type Recovery, type Report } from './account.js';
import { Holdfast } from './holdfast.js';
import { Platform } from './platform.js';
import { PLAN, POINT, toMoreEnvironment, toSections } from './sections.js';

/** How many steps there are, the start of the services included. */
export const storySteps = 12;

/** What the run of the story goes by. */
interface Stage {
  readonly scene: Scene;
  readonly platform: Platform;
  readonly holdfast: Holdfast;
}

/** What was there at the three moments that count. */
interface Life {
  readonly atPoint: Counts;
  readonly atTopicBackup: Recovery['atTopicBackup'];
  readonly before: Counts;
}

/**
 * A platform under load is backed up to one moment, destroyed whole, and recovered by one command; then destroyed with catalog, bus and services of
 * Holdfast as well, and recovered by the same command. True only when both times everything came back that the backups held, and no event is missing or twice.
 */
export async function playStory(
  scene: Scene,
  { wantsWorkflows }: { readonly wantsWorkflows: boolean },
): Promise<boolean> {
  const { reporter, sandbox, secrets, signal } = scene;
  const platform = new Platform(scene);
  try {
    await reporter.tell('start afresh', async () => {
      await prepareHoldfast(sandbox, { secrets, keep: false });
      await rm(`${sandbox.home}/recovery`, { recursive: true, force: true });
      await platform.forget();
      await forgetTopics(sandbox.topicPrefix, signal);
    });
    const hasWorkflows = await reporter.tell(
      'open the platform: database, pictures, search, sessions, topic, workflows',
      () => openPlatform(scene, platform, wantsWorkflows),
    );
    const env = { ...toHoldfastEnvironment(sandbox, secrets), ...toMoreEnvironment(sandbox, secrets.shopAdminToken) };
    await reporter.tell('start scheduler, executor and verifier', async () => {
      await prepareHoldfast(sandbox, { secrets, keep: true, more: toSections(sandbox, hasWorkflows) });
      await startApps({ sandbox, crew: scene.crew, env, signal });
    });
    const stage = { scene, platform, holdfast: new Holdfast(env, signal) };
    const life = await live(stage);
    const first = await strike(stage, life, 'disaster: everything is destroyed');
    const second = await strike(
      stage,
      { ...life, before: first.counts },
      'disaster: everything, the catalog, the topics of Holdfast and its services too',
      () => destroyHoldfast(scene),
    );
    reporter.line(`\nwith catalog, bus and services\n\n${toTable(accountHead, first.account.rows)}`);
    reporter.line(`\nfrom the command line alone\n\n${toTable(accountHead, second.account.rows)}\n`);
    const problems = [...first.account.problems, ...second.account.problems];
    for (const problem of problems) reporter.line(`wrong: ${problem}`);
    return problems.length === 0;
  } finally {
    await platform.close();
  }
}

async function openPlatform({ reporter }: Scene, platform: Platform, wantsWorkflows: boolean): Promise<boolean> {
  const isThere = wantsWorkflows && (await hasTemporal());
  if (wantsWorkflows && !isThere)
    reporter.note(
      'Temporal is not built here, so that no workflow is part of it: `npm test -- int temporal` builds it',
    );
  await platform.open(isThere);
  return isThere;
}

async function live({ scene: { reporter }, platform, holdfast }: Stage): Promise<Life> {
  const atPoint = await reporter.tell(
    'take a recovery point over everything, while customers go on ordering',
    async () => {
      await platform.order(20, { wait: true });
      await platform.fallAsleep();
      const ordering = platform.order(40, { wait: true });
      // Awaited below: a failure before that must not count as unhandled.
      ordering.catch(() => undefined);
      const counts = await platform.count();
      reporter.note(await holdfast.tell('recovery-points', 'take', POINT, '--wait'));
      await ordering;
      return counts;
    },
  );
  return reporter.tell('life goes on; the topic is backed up once more, and then nothing', async () => {
    await platform.changeCatalog();
    await platform.logIn(20);
    await platform.order(30, { wait: true });
    const atTopicBackup = { counts: await platform.count(), summary: await platform.summary() };
    reporter.note(await holdfast.tell('backup', 'run', 'events', '--wait'));
    await platform.order(10, { wait: true });
    return { atPoint, atTopicBackup, before: await platform.count() };
  });
}

interface Struck {
  readonly account: Account;
  readonly counts: Counts;
}

/** Destroys the platform, recovers it by the plan, and lets it work again. */
async function strike(
  { scene: { reporter, shop }, platform, holdfast }: Stage,
  life: Life,
  title: string,
  more?: () => Promise<void>,
): Promise<Struck> {
  const disasterAt = await reporter.tell(title, async () => {
    const at = new Date().toISOString();
    await platform.destroy();
    await more?.();
    return at;
  });
  const report = await reporter.tell(`holdfast recovery run ${PLAN}`, async () => {
    await shop.serve();
    const said = await holdfast.ask<Report>('recovery', 'run', PLAN, '--disaster-at', disasterAt, '--json');
    for (const { step, verdict } of said.verdicts) reporter.note(`${step}: ${verdict}`);
    reporter.note(`${said.eventsReplayed} events since the backup of the database can be read again`);
    return said;
  });
  const after = await reporter.tell('the projector catches up, and workflows wake up', async () => {
    const counts = await platform.count();
    await platform.catchUp();
    const woken = await platform.wakeUp();
    if (woken !== undefined) reporter.note(`the workflow that slept through it finished: ${woken}`);
    const summary: ShopSummary = await platform.summary();
    return { counts: { ...counts, orders: summary.orders }, summary };
  });
  return { account: accountFor({ ...life, after, report }), counts: after.counts };
}

/** Services, catalog and every topic: only the command line, its configuration and the repository are left. */
async function destroyHoldfast({ crew, sandbox, signal }: Scene): Promise<void> {
  for (const name of ['verifier', 'executor', 'scheduler']) await crew.stop(name);
  await dropDatabases('postgres18', sandbox.catalogDatabase);
  await forgetTopics(sandbox.topicPrefix, signal);
}
