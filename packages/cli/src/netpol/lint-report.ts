import { type LintFinding, lintPolicies, type PatchOperation, patchFor, type TextEdit } from '@palisade/netpol';
import type { PolicySource } from './source.ts';

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
