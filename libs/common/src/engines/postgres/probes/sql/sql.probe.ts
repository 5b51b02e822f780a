import { z } from 'zod';
import type { Evidence } from '#common/domain/verdict.js';
import { definePgProbe } from '#common/engines/postgres/probes/pg-probe.js';
import { withSession } from '#common/engines/postgres/probes/probe-session.js';
import { conclude, countOf, EvidenceLog } from '#common/probes/evidence.js';
import { askSql } from './sql-answer.js';
import { checkAssertion, SqlAssertion, subjectOf } from './sql-assertion.js';

/** What the operator knows about the data and no digest can: asked of the restored database in SQL. */
export const sqlProbe = definePgProbe({
  name: 'sql',
  summary: 'Assertions in SQL about the restored data',
  readsNoFacts: true,
  timeoutMs: 600_000,
  params: z.strictObject({ assertions: z.array(SqlAssertion).min(1) }),
  check: (context, { assertions }) =>
    withSession(context, async (session) => {
      const problems = new EvidenceLog();
      const facts: Evidence[] = [];
      for (const assertion of assertions) {
        const answer = await askSql(session, assertion.query);
        const found =
          'missing' in answer
            ? [{ subject: subjectOf(assertion), problem: answer.missing }]
            : checkAssertion(assertion, answer);
        problems.add(...found);
        if (found.length === 0) facts.push({ subject: subjectOf(assertion), actual: 'as expected' });
      }
      return conclude({ looked: countOf(assertions.length, 'assertion'), problems, facts });
    }),
});
