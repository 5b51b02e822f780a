import { generateKeyPairSync } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findProcess } from '#common/process/process-table.js';
import { runCommand } from '#common/process/run-command.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { ExecPlans, shell } from '../../../../test/support/exec-plans.js';

let plans: ExecPlans;

beforeEach(async () => {
  plans = await ExecPlans.make();
});
afterEach(async () => {
  await plans.remove();
});

const progressOf = ({ steps }: { readonly steps: readonly { readonly name: string; readonly progress: string }[] }) =>
  Object.fromEntries(steps.map(({ name, progress }) => [name, progress]));

/** Runs until it is killed: it says that it began, with its number, and then waits for a minute. */
const long = (name: string, more: object = {}) =>
  shell(name, `echo $$ >> "$HERE/${name}.began"; test -e "$HERE/go" || sleep 60`, more);

describe('a run of a plan', () => {
  it('hands on what a program wrote, keeps secrets out of reports, and runs what always runs', async () => {
    const env = { TOKEN: '${env:TOKEN}', SAID: '${steps.say.stdout}', RUN: '${run.id}' };
    await plans.write(
      shell('say', `echo handed' 'on`, { keepOutput: true }),
      shell('hear', 'echo "$SAID, $RUN, $HOLDFAST_RUN" > "$HERE/heard"; echo "$TOKEN $SAID"; echo "$TOKEN" >&2', {
        env,
      }),
      shell('end', 'echo end > "$HERE/end"', { always: true }),
    );
    const { exitCode, document } = await plans.json('run', 'p');
    expect(exitCode).toBe(0);
    expect(progressOf(document)).toEqual({ say: 'completed', hear: 'completed', end: 'completed' });
    expect(await plans.read('heard')).toBe(`handed on, ${document.runId}, ${document.runId}\n`);
    const journal = await readFile(join(await plans.runFolder(), 'journal.ndjson'), 'utf8');
    expect(journal + JSON.stringify(document)).not.toContain('a-token-that-is-secret');
    expect(JSON.stringify(document)).not.toContain('handed on');
    expect((await stat(join(await plans.runFolder(), 'journal.ndjson'))).mode & 0o777).toBe(0o600);
  });

  it('stops at a step that failed, runs what always runs, and goes on from there with a plan that was mended', async () => {
    const end = shell('end', 'echo end >> "$HERE/end"', { always: true });
    const first = shell('first', 'echo x >> "$HERE/first"');
    const broken = shell('second', 'echo no such thing >&2; exit 7', { retries: { times: 2, pauseMs: 0 } });
    await plans.write(first, broken, shell('third', 'echo x > "$HERE/third"'), end);
    const failed = await plans.run('run', 'p');
    expect(failed).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/plan.program: sh ended with exit code 7(.|\n)*no such thing/),
    });
    expect([await plans.read('third'), await plans.read('end')]).toEqual(['', 'end\n']);
    await plans.write(first, shell('second', 'true'), shell('third', 'echo x > "$HERE/third"'), end);
    const { exitCode, document } = await plans.json('resume', 'last');
    expect([exitCode, document.outcome, await plans.read('first'), await plans.read('end')]).toEqual([
      0,
      'completed',
      'x\n',
      'end\nend\n',
    ]);
    expect(document.steps[1]).toMatchObject({ attempts: 4 });
    expect(await plans.json('resume', 'last')).toMatchObject({ exitCode: 0, document: { outcome: 'completed' } });
  });

  it('waits for the operator where no terminal is and no approval was given, and goes on with one', async () => {
    const look = { name: 'look', use: 'approve', message: 'Is it off?' };
    await plans.write(look, shell('after', 'echo x >> "$HERE/after"'));
    const stopped = await plans.run('run', 'p');
    expect(stopped).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/plan.approval-missing.*Is it off[?]/),
    });
    expect((await plans.run('resume', 'last', '--approve', 'other')).exitCode).toBe(1);
    expect(await plans.has('after')).toBe(false);
    expect((await plans.run('resume', 'last', '--approve', 'look')).exitCode).toBe(0);
    expect(await plans.read('after')).toBe('x\n');
  });

  it('ends a program that takes too long, with all that it started', async () => {
    await plans.write(shell('slow', 'sleep 61 & echo $! > "$HERE/pid"; wait', { timeoutMs: 700 }));
    const { exitCode, document } = await plans.json('run', 'p');
    expect([exitCode, document.steps[0].problem.code]).toEqual([1, 'plan.timeout']);
    const child = await findProcess(Number(await plans.read('pid')));
    expect(child === undefined || child.isGone).toBe(true);
  });

  it('stopped by Ctrl-C, ends its program and says how to go on', async () => {
    await plans.write(long('step'));
    const stop = new AbortController();
    const stopped = plans.run('run', 'p', stop.signal);
    await waitUntil('the program began', () => plans.has('step.began'));
    stop.abort();
    const { exitCode, stderr } = await stopped;
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/run.interrupted(.|\n)*in step "step"(.|\n)*recovery resume [0-9a-f-]{36}/),
    ]);
    const left = await findProcess(Number(await plans.read('step.began')));
    expect(left === undefined || left.isGone).toBe(true);
    await writeFile(join(plans.folder, 'go'), '');
    expect((await plans.run('resume', 'last')).exitCode).toBe(0);
  });

  it('leaves a service running that a program started, and does not wait for it', async () => {
    await plans.write(shell('start', 'sleep 62 & echo $! > "$HERE/pid"'), shell('fail', 'exit 1'));
    expect((await plans.run('run', 'p')).exitCode).toBe(1);
    expect((await plans.run('resume', 'last')).exitCode).toBe(1);
    const pid = Number(await plans.read('pid'));
    expect(await findProcess(pid)).toMatchObject({ isGone: false });
    process.kill(pid, 'SIGKILL');
  });
});

describe('the report of a run', () => {
  it('is signed with the key of the configuration, and openssl proves it with the public half, but not what was changed since', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    await plans.write(shell('a', 'true'));
    await plans.change((config) => ({
      ...config,
      recovery: { ...config.recovery, signingKey: privateKey.export(pem) },
    }));
    expect((await plans.run('run', 'p')).exitCode).toBe(0);
    const at = (name: string) => join(plans.folder, name);
    expect((await plans.run('report', 'last', '--to', plans.folder)).exitCode).toBe(0);
    await writeFile(at('key.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const verify = async (name: string) => {
      const place = ['-inkey', at('key.pub'), '-sigfile', at(`${name}.sig`), '-in', at(name)];
      const command = { program: 'openssl', args: ['pkeyutl', '-verify', '-rawin', '-pubin', ...place] };
      const o = { signal: AbortSignal.timeout(10_000), acceptExitCodes: [0, 1] };
      return (await runCommand(command, o)).exitCode;
    };
    expect([await verify('report.json'), await verify('report.html')]).toEqual([0, 0]);
    await writeFile(at('report.json'), (await plans.read('report.json')).replace('completed', 'Completed'));
    expect(await verify('report.json')).toBe(1);
  });

  it('is refused with a key that is none, without a word of it', async () => {
    await plans.write(shell('a', 'true'));
    await plans.change((config) => ({
      ...config,
      recovery: { ...config.recovery, signingKey: 'a-secret-that-is-no-key' },
    }));
    expect((await plans.run('run', 'p')).exitCode).toBe(0);
    const { exitCode, stderr } = await plans.run('report', 'last', '--to', plans.folder);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('openssl genpkey')]);
    expect(stderr).not.toContain('a-secret-that-is-no-key');
  });
});

describe('a run that was killed', () => {
  it('repeats a program that may run again, after it ended what the first try left running', async () => {
    await plans.write(shell('before', 'echo x >> "$HERE/before"'), long('step'));
    await plans.runKilledAt('step.began', 'run', 'p');
    await writeFile(join(plans.folder, 'go'), '');
    expect((await plans.run('resume', 'last')).exitCode).toBe(0);
    const [first = '', second] = (await plans.read('step.began')).trim().split('\n');
    expect([await plans.read('before'), typeof second]).toEqual(['x\n', 'string']);
    const left = await findProcess(Number(first));
    expect(left === undefined || left.isGone).toBe(true);
  });

  it.each([
    ['--repeat', { exitCode: 0, began: 2, progress: 'completed' }],
    ['--skip', { exitCode: 0, began: 1, progress: 'skipped' }],
  ])('asks about a program that may not run again, and goes on with %s', async (order, expected) => {
    await plans.write(long('once', { repeatable: false }), shell('after', 'echo x > "$HERE/after"'));
    await plans.runKilledAt('once.began', 'run', 'p');
    await writeFile(join(plans.folder, 'go'), '');
    const asked = await plans.run('resume', 'last');
    expect(asked).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/plan.not-repeatable(.|\n)*--repeat once(.|\n)*--skip once/),
    });
    expect(await plans.has('after')).toBe(false);
    const { exitCode, document } = await plans.json('resume', 'last', order, 'once');
    const began = (await plans.read('once.began')).trim().split('\n').length;
    expect({ exitCode, began, progress: progressOf(document)['once'] }).toEqual(expected);
    expect(await plans.has('after')).toBe(true);
    for (const pid of (await plans.read('once.began')).trim().split('\n').map(Number))
      if ((await findProcess(pid)) !== undefined) process.kill(-pid, 'SIGKILL');
  });

  it('goes on over a line that the crash tore, and refuses a journal that is damaged before its end', async () => {
    await plans.write(shell('a', 'echo x >> "$HERE/a"'), shell('b', 'test -e "$HERE/go"'));
    expect((await plans.run('run', 'p')).exitCode).toBe(1);
    await plans.appendToJournal('{"type":"step-comp');
    await writeFile(join(plans.folder, 'go'), '');
    expect((await plans.run('resume', 'last')).exitCode).toBe(0);
    expect(await plans.read('a')).toBe('x\n');
    expect(await plans.json('report', 'last')).toMatchObject({ exitCode: 0, document: { outcome: 'completed' } });
    await plans.appendToJournal('{"type":"step-comp\n');
    expect(await plans.json('report', 'last')).toMatchObject({
      exitCode: 1,
      document: { error: { code: 'plan.journal' } },
    });
  });

  it('is not run by two processes at once', async () => {
    await plans.write(long('step'));
    const first = plans.runKilledAt('over', 'run', 'p');
    await waitUntil('the program began', () => plans.has('step.began'));
    expect(await plans.json('resume', 'last')).toMatchObject({
      exitCode: 3,
      document: { error: { code: 'plan.busy' } },
    });
    await writeFile(join(plans.folder, 'over'), 'x');
    await first;
    await writeFile(join(plans.folder, 'go'), '');
    expect((await plans.run('resume', 'last')).exitCode).toBe(0);
  });
});
