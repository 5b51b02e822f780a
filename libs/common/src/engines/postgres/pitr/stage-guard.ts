import { once } from 'node:events';
import { SupervisedChild } from '#common/process/supervised-child.js';
import { ownerFor } from './ownership.js';
import { dataDirectoryIn, type Stage } from './stage.js';

/** Ends the guard, which removes nothing then. */
export type EndGuard = () => Promise<void>;

/**
 * A process that outlives this one by moments: when this one dies, however it does, the guard ends the server over the stage and removes the stage. It
 * notices by the end of its standard input, which the kernel closes.
 */
export async function guardStage(stage: Stage): Promise<EndGuard> {
  const user = await ownerFor(stage.path);
  const args = ['-c', SCRIPT, 'holdfast-stage-guard', stage.path, dataDirectoryIn(stage.path)];
  const child = new SupervisedChild(
    { program: 'sh', args, user, cwd: '/' },
    {
      stdin: 'pipe',
      killAfterMs: 1_000,
      onStderrLine: undefined,
    },
  );
  child.stdout.resume();
  child.stdin.on('error', () => undefined);
  return async () => {
    if (child.pid !== undefined) child.stdin.write('done\n');
    await Promise.race([child.ended, once(child.stdout, 'close')]).catch(() => undefined);
  };
}

/** SIGQUIT ends a server within seconds, SIGKILL one that hangs. `$1` is the stage, `$2` its data directory. */
const SCRIPT = `
trap '' HUP INT TERM
read word && exit 0
for try in 1 2 3; do
  pid=$(sed -n 1p "$2/postmaster.pid" 2>/dev/null)
  socket=$(sed -n 5p "$2/postmaster.pid" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    for wait in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 1
    done
    kill -KILL "$pid" 2>/dev/null
  fi
  case "$socket" in /*/holdfast-pg-*) rm -rf -- "$socket" ;; esac
  rm -rf -- "$1" && exit 0
  sleep 1
done
`;
