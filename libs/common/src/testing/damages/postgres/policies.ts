import type { StatementDamage } from './statements.js';

const MINE = `tenant = nullif(current_setting('app.tenant', true), '')`;

/** Ways in which a restored database shows rows of one tenant to another one. */
export const POLICY_DAMAGES: readonly StatementDamage[] = [
  {
    name: 'a policy shows every row: USING (true)',
    use: 'rls',
    does: 'ALTER POLICY own ON orders USING (true)',
    found: 'public.orders policy own: was loosened to USING (true): every row is visible to {app}, {reader}',
  },
  {
    name: 'a policy lets every row be written: WITH CHECK (true)',
    use: 'rls',
    does: 'ALTER POLICY own ON products WITH CHECK (true)',
    found: 'public.products policy own: was loosened to WITH CHECK (true): {app}, {reader} can write rows',
  },
  {
    name: 'a policy shows every row in other words: USING (1 = 1)',
    use: 'rls',
    does: 'ALTER POLICY own ON orders USING (1 = 1)',
    found: 'public.orders policy own: ',
  },
  {
    name: 'a policy shows the rows of one tenant more',
    use: 'rls',
    does: `ALTER POLICY own ON orders USING (${MINE} OR tenant = 'bbbbbbbb')`,
    found: 'public.orders policy own: the USING expression differs',
  },
  {
    name: 'a policy is dropped',
    use: 'rls',
    does: 'DROP POLICY own ON products',
    found: 'public.products policy own: the policy is missing',
  },
  {
    name: 'a policy FOR SELECT became one FOR ALL',
    use: 'rls',
    does: ['DROP POLICY shared ON products', `CREATE POLICY shared ON products USING (tenant = 'everybody')`],
    found: 'public.products policy shared: the command differs',
  },
  {
    name: 'a policy of two roles holds for PUBLIC',
    use: 'rls',
    does: 'ALTER POLICY own ON products TO PUBLIC',
    found: 'public.products policy own: the role list differs',
  },
  {
    name: 'a policy holds for another role',
    use: 'rls',
    does: 'ALTER POLICY own ON products TO {reader}',
    found: 'table public.products as tenant aaaaaaaa: not all of its own rows are visible',
  },
  {
    name: 'a restrictive policy became permissive',
    use: 'rls',
    does: [
      'DROP POLICY present ON orders',
      'CREATE POLICY present ON orders AS PERMISSIVE FOR SELECT USING (cents > 200)',
    ],
    found: 'public.orders policy present: the kind differs',
  },
  {
    name: 'a restrictive policy is dropped',
    use: 'rls',
    does: 'DROP POLICY present ON orders',
    found: 'public.orders policy present: the policy is missing',
  },
  {
    name: 'a policy is added that opens everything',
    use: 'rls',
    does: 'CREATE POLICY support ON orders FOR SELECT TO {app} USING (true)',
    found: 'public.orders policy support: the policy is not in the backup and widens what is visible to every row',
  },
  {
    name: 'a policy asks a function whose body now says yes',
    use: 'rls',
    does: `CREATE OR REPLACE FUNCTION may_see(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`,
    found: 'table public.notes as tenant aaaaaaaa: rows of other tenants are visible',
  },
  {
    name: 'row-level security is disabled',
    use: 'rls',
    does: 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY',
    found: 'public.orders: row-level security is off',
  },
  {
    name: 'row-level security of one partition is disabled',
    use: 'rls',
    does: 'ALTER TABLE events_2026 DISABLE ROW LEVEL SECURITY',
    found: 'public.events_2026: row-level security is off',
  },
  {
    name: 'row-level security is not forced any more',
    use: 'rls',
    does: 'ALTER TABLE orders NO FORCE ROW LEVEL SECURITY',
    found: 'public.orders: row-level security is no longer forced: the owner sees every row',
  },
  {
    name: 'a view reads with the rights of its owner: security_invoker is off',
    use: 'rls',
    does: 'ALTER VIEW invoker_products SET (security_invoker = false)',
    found: 'view public.invoker_products: security_invoker differs',
  },
  {
    name: 'a view belongs to a superuser, whom no policy binds',
    use: 'rls',
    does: 'ALTER VIEW owner_orders OWNER TO postgres',
    found: 'view public.owner_orders as tenant aaaaaaaa: rows of other tenants are visible',
  },
  {
    name: 'a SECURITY DEFINER function belongs to a superuser',
    use: 'rls',
    does: 'ALTER FUNCTION all_orders() OWNER TO postgres',
    found: 'function public.all_orders() as tenant aaaaaaaa: rows of other tenants are visible',
  },
  {
    name: 'a function became SECURITY DEFINER',
    use: 'rls',
    does: 'ALTER FUNCTION may_see(text) SECURITY DEFINER',
    found: 'function public.may_see(text): ',
  },
  {
    name: 'the role of the application has BYPASSRLS',
    use: 'rls',
    does: 'ALTER ROLE {app} BYPASSRLS',
    undo: 'ALTER ROLE {app} NOBYPASSRLS',
    found: 'role {app}: bypasses row-level security',
  },
  {
    name: 'the role of the application is a superuser',
    use: 'rls',
    does: 'ALTER ROLE {app} SUPERUSER',
    undo: 'ALTER ROLE {app} NOSUPERUSER',
    found: 'role {app}: bypasses row-level security',
  },
  {
    name: 'the owner of a view has BYPASSRLS',
    use: 'privileges',
    does: 'ALTER ROLE {reader} BYPASSRLS',
    undo: 'ALTER ROLE {reader} NOBYPASSRLS',
    found: 'role {reader}: bypasses row-level security, and did not',
  },
  {
    name: 'the role of the application may act as the owner of the tables',
    use: 'privileges',
    does: 'GRANT {owner} TO {app}',
    undo: 'REVOKE {owner} FROM {app}',
    found: 'role {app} as member of {owner}: the membership is not in the backup',
  },
  {
    name: 'the role of the application owns a table',
    use: 'privileges',
    does: ['GRANT CREATE ON SCHEMA public TO {app}', 'ALTER TABLE orders OWNER TO {app}'],
    found: 'table public.orders: the owner changed',
  },
  {
    name: 'every session of the application is one of the first tenant',
    use: 'privileges',
    does: `ALTER ROLE {app} IN DATABASE {database} SET app.tenant = 'aaaaaaaa'`,
    found: 'setting app.tenant of role {app}: is not in the backup',
  },
  {
    name: 'a table of tenants is missing',
    use: 'rls',
    does: 'DROP TABLE events CASCADE',
    found: 'public.events: the tenant table is missing',
  },
];
