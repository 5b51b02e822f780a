import { join } from 'node:path';
import { root } from '#tools/check/root.js';
import type { AppName } from '#tools/platform/app-process.js';
import { parsePortOffset } from '#tools/services/versions.js';

export type SandboxName = 'quickstart' | 'dev' | 'disaster';

/** One Holdfast with its sample shop on the development services: names and ports of its own, so that two live side by side. */
export interface Sandbox {
  readonly name: SandboxName;
  /** Git-ignored: configuration, secrets, logs, process ids. */
  readonly home: string;
  readonly topicPrefix: string;
  readonly catalogDatabase: string;
  /** A superuser of the development server, with a password of this run: the catalog's owner, and who restores. */
  readonly adminRole: string;
  readonly bucket: string;
  readonly ports: Readonly<Record<AppName | 'shop', number>>;
  readonly shop: {
    readonly database: string;
    readonly rolePrefix: string;
    readonly topic: string;
    readonly group: string;
    readonly index: string;
    /** Where its pictures are. */
    readonly bucket: string;
    /** Per tenant. */
    readonly products: number;
    readonly orders: number;
  };
}

const portOffset = parsePortOffset(process.env['HOLDFAST_PORT_OFFSET']);

/** Last two digits that no service and no other sandbox uses, so that no port offset brings two together. */
const basePorts = {
  quickstart: { scheduler: 27_181, executor: 27_182, verifier: 27_183, shop: 27_184 },
  dev: { scheduler: 27_185, executor: 27_186, verifier: 27_187, shop: 27_188 },
  disaster: { scheduler: 27_189, executor: 27_190, verifier: 27_191, shop: 27_192 },
} as const;

export function toSandbox(
  name: SandboxName,
  size: Partial<Pick<Sandbox['shop'], 'products' | 'orders'>> = {},
): Sandbox {
  const ports = Object.fromEntries(Object.entries(basePorts[name]).map(([who, port]) => [who, port + portOffset]));
  const prefix = name === 'dev' ? '' : `${name}.`;
  return {
    name,
    home: join(root, `.${name}`),
    topicPrefix: prefix,
    catalogDatabase: `holdfast_${name}`,
    adminRole: `${name}_admin`,
    bucket: `holdfast-${name}`,
    ports: ports as Sandbox['ports'],
    shop: {
      database: `${name}_shop`,
      rolePrefix: `${name}_shop`,
      topic: `${prefix}shop.orders`,
      group: `${prefix}shop-projector`,
      index: `${name}_products`,
      bucket: `${name}-shop-media`,
      ...{ products: 200, orders: 400, ...size },
    },
  };
}

export const urlOf = ({ ports }: Sandbox, who: AppName | 'shop'): string => `http://127.0.0.1:${ports[who]}`;
export const configPath = ({ home }: Sandbox): string => join(home, 'holdfast.yaml');
export const envPath = ({ home }: Sandbox): string => join(home, 'env');
