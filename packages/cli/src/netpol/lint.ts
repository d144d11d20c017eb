import { type LintReport, lintSource } from './lint-report.ts';
import { renderSarif } from './sarif.ts';
import { loadSource, type SourceOptions } from './source.ts';

function renderText(reports: readonly LintReport[]): string {
  if (reports.length === 0) return 'No findings.\n';
  const lines = reports.map(({ line, severity, rule, policy, message, patch }) => {
    const who = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
    const type = policy.kind.toLowerCase();
    const place = policy.namespace === undefined ? '' : ` -n ${policy.namespace}`;
    const fix = patch ? `\n    probably meant: kubectl patch ${type} ${policy.name}${place} --type=json -p '${JSON.stringify(patch)}'` : '';
    return `${line ?? who}: ${severity}: ${policy.kind} ${who}: ${message} [${rule}]${fix}\n`;
  });
  const errors = reports.filter(({ severity }) => severity === 'error').length;
  return `${lines.join('')}${reports.length} ${reports.length === 1 ? 'finding' : 'findings'}, ${errors} of them errors.\n`;
}

interface LintOptions extends SourceOptions {
  readonly output: string;
  readonly failOn: string;
}

/** `palisade netpol lint`. @returns 0 when nothing of the severity asked for was found, 1 when something was */
export async function lint(options: LintOptions): Promise<number> {
  const { output, failOn } = options;
  if (!['text', 'json', 'sarif'].includes(output)) throw new Error(`Cannot print as "${output}": expected text, json or sarif`);
  if (!['warning', 'error', 'never'].includes(failOn))
    throw new Error(`Cannot use --fail-on "${failOn}": expected warning, error or never`);
  const reports = lintSource(await loadSource(options));
  if (output === 'text') process.stdout.write(renderText(reports));
  else process.stdout.write(`${JSON.stringify(output === 'sarif' ? renderSarif(reports) : reports, null, 2)}\n`);
  const isFailure = ({ severity }: LintReport) => failOn !== 'never' && (failOn === 'warning' || severity === 'error');
  return reports.some(isFailure) ? 1 : 0;
}
