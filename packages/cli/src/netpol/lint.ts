import { type LintFinding, lintPolicies, type PatchOperation, patchFor, type TextEdit } from '@palisade/netpol';
import { renderSarif } from './sarif.ts';
import { loadSource, type PolicySource, type SourceOptions } from './source.ts';

export interface LintReport extends LintFinding {
  /** `file:line`. */
  readonly line?: string;
  /** What was probably meant. */
  readonly patch?: readonly PatchOperation[];
  /** The same as a change of the file. */
  readonly edit?: TextEdit;
}

/** Findings with their lines and patches. */
export function lintSource({ compiled, objects, lineOf, editOf }: PolicySource): LintReport[] {
  return lintPolicies(compiled, objects).map((finding) => {
    const { kind, name, namespace } = finding.policy;
    const object = objects.find(
      (one) => one.kind === kind && one.metadata.name === name && (namespace === undefined || one.metadata.namespace === namespace),
    );
    const line = lineOf(finding.policy, finding.path);
    const patch = patchFor(finding, object);
    const edit = patch && editOf(finding.policy, patch);
    return { ...finding, ...(line !== undefined && { line }), ...(patch && { patch }), ...(edit && { edit }) };
  });
}

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
