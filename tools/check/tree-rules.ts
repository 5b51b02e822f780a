/** One file whose place in the tree is wrong. */
export interface TreeViolation {
  readonly path: string;
  readonly reason: string;
}

const dustbins = new Set(['utils', 'util', 'helpers', 'shared', 'types']);
const lib = 'libs/common/src/';

/** Folders of libs/common/src that are no layer: `testing` is imported by specs only and may import everything. */
const besidesLayers = ['testing'];

/**
 * Finds files that sit where no idea lives: directly in libs/common/src, in a folder that collects leftovers, in a folder
 * that no dependency rule knows. `paths` are relative to the root, with forward slashes.
 */
export function decideTreeViolations(paths: readonly string[], layers: readonly string[]): TreeViolation[] {
  return paths.flatMap((path) => {
    const reason = reasonAgainst(path, [...layers, ...besidesLayers]);
    return reason === undefined ? [] : [{ path, reason }];
  });
}

function reasonAgainst(path: string, folders: readonly string[]): string | undefined {
  const dustbin = path
    .split('/')
    .slice(0, -1)
    .find((folder) => dustbins.has(folder));
  if (dustbin !== undefined) return `"${dustbin}" says nothing about what is in it: name the folder after its one idea`;
  if (path.split('/').at(-1) === 'index.ts') return 'no barrels: import the file that has it';
  if (!path.startsWith(lib)) return undefined;
  const [folder = '', ...rest] = path.slice(lib.length).split('/');
  if (rest.length === 0) return `no file sits directly in ${lib}: put it into the layer it belongs to`;
  if (!folders.includes(folder))
    return `"${folder}" is not in tools/check/layer-table.cjs: say there what it may import`;
  return undefined;
}
