import type { RunReport, StepEvidence } from './report.js';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 2rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-bottom: 1px solid #d8dee4; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: 12px; }
.completed, .passed { color: #116329; font-weight: 600; } .failed { color: #a40e26; font-weight: 600; } .open, .begun { color: #7d4e00; font-weight: 600; }
`;

/** One file that shows a report in any browser, without a network. */
export function toReportHtml(report: RunReport): string {
  const title = `Recovery plan ${report.plan}: ${report.outcome}`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${toHtml(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>Recovery plan ${toHtml(report.plan)}: <span class="${report.outcome}">${report.outcome}</span></h1>`,
    toTable([], summaryRows(report)),
    '<h2>What came back</h2>',
    toTable(
      ['step', 'dataset', 'backup', 'to', 'as of', 'lost at most'],
      report.restored.map(({ step, dataset, backupId, target, destination, upTo, lostSeconds }) => [
        ...[step, dataset, backupId, `${destination} of ${target}`, upTo, `${lostSeconds} s`],
      ]),
    ),
    '<h2>Verdicts</h2>',
    toTable(
      ['step', 'verdict'],
      report.verdicts.map(({ step, verdict }) => [step, verdict]),
    ),
    '<h2>Steps</h2>',
    toTable(['step', 'kind', 'state', 'tries', 'began', 'took'], report.steps.map(stepRow)),
    '<h2>Evidence</h2>',
    ...report.steps.map(toEvidence),
    '</body></html>',
    '',
  ].join('\n');
}

function summaryRows(report: RunReport): string[][] {
  const { disasterAt, rtoSeconds, rpoSeconds, eventsReplayed, point } = report;
  const from = disasterAt === null ? 'the beginning of the run' : `the disaster at ${disasterAt}`;
  return [
    ['run', report.runId],
    ['installation', `${report.instance}, on ${report.host}, holdfast ${report.holdfastVersion}`],
    ['begun', `${report.begunAt} by ${report.begunBy}`],
    ...report.resumed.map(({ at, by }) => ['resumed', `${at} by ${by}`]),
    ['last line', report.until],
    ['time to recover', rtoSeconds === null ? 'not over' : `${rtoSeconds} s from ${from}`],
    ['lost at most', rpoSeconds === null ? 'nothing was restored' : `${rpoSeconds} s before ${from}`],
    ...(point === null ? [] : [['recovery point', `${point.name} as of ${point.at}, skew ${point.skewSeconds} s`]]),
    ...(eventsReplayed === null ? [] : [['events replayed', String(eventsReplayed)]]),
  ];
}

const stepRow = ({ name, use, progress, attempts, startedAt, seconds }: StepEvidence): string[] => [
  ...[name, use, progress, String(attempts), startedAt ?? '', seconds === null ? '' : `${seconds} s`],
];

function toEvidence({ name, evidence, problem, reason }: StepEvidence): string {
  const said = { ...(reason === null ? {} : { reason }), ...(problem === null ? {} : { problem }), ...evidence };
  if (Object.keys(said).length === 0) return '';
  return `<details><summary>${toHtml(name)}</summary><pre>${toHtml(JSON.stringify(said, null, 2))}</pre></details>`;
}

function toTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>none</p>';
  const head = header.length === 0 ? '' : `<tr>${header.map((cell) => `<th>${toHtml(cell)}</th>`).join('')}</tr>`;
  const toCell = (cell: string) => `<td${/^[a-z]+$/.test(cell) ? ` class="${cell}"` : ''}>${toHtml(cell)}</td>`;
  return `<table>${head}${rows.map((row) => `<tr>${row.map(toCell).join('')}</tr>`).join('')}</table>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const toHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ESCAPES[letter] ?? letter);
