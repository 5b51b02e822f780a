import type { PostgresRestorePlan } from './plan.js';

/** What a restore would do, for people. */
export const describePlan = (plan: PostgresRestorePlan): Record<string, string | readonly string[]> => ({
  database: `"${plan.destination}" of target ${plan.target}, ${plan.exists ? 'exists' : 'does not exist'}`,
  strategy: plan.strategy,
  'open sessions': String(plan.sessions),
  ...(plan.chosen.length === 0
    ? {}
    : { 'only the tables': plan.chosen, 'without, for it needs others': plan.leftOutOfParts }),
  overwrites: plan.overwritten,
  drops: plan.dropped,
  creates: plan.created,
  'leaves (newer)': plan.newer,
  'puts aside (newer)': plan.putAside,
  'leaves out': plan.leftOut,
  'missing roles': plan.missingRoles,
  'missing memberships': plan.missingMemberships.map(({ member, role }) => `${member} in ${role}`),
  'missing rights': plan.missingRights,
  'missing extensions': plan.missingExtensions,
  'missing tablespaces': plan.missingTablespaces,
  'missing locales': plan.missingLocales,
  'other locale': plan.otherLocale,
  'tools here': Object.values(plan.tools).join(', ') || 'none that fit',
});
