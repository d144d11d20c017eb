import { dnsRule } from '../dns-rule.ts';
import type { LintFinding } from './finding.ts';

/** RFC 6902, as `kubectl patch --type=json` takes it. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** `spec.ingress[0].from[1]` as a JSON pointer. */
export function pointerOf(path: string): string {
  return path
    .split(/\.|(?=\[)/)
    .map(
      (step) =>
        `/${step
          .replace(/^\[(\d+)\]$/, '$1')
          .replaceAll('~', '~0')
          .replaceAll('/', '~1')}`,
    )
    .join('');
}

function valueAt(object: unknown, path: string): unknown {
  return path
    .split(/\.|\[(\d+)\]/)
    .filter((step) => step !== undefined && step !== '')
    .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], object);
}

/**
 * What was probably meant, as a patch of the policy; undefined where no one intent is the likely one.
 *
 * @param object the policy's wire object
 */
export function patchFor(finding: LintFinding, object: unknown): readonly PatchOperation[] | undefined {
  const pointer = pointerOf(finding.path);
  switch (finding.rule) {
    case 'or-instead-of-and': {
      const match = /^(.*)\[(\d+)\]$/.exec(finding.path)!;
      const before = `${pointerOf(match[1]!)}/${Number(match[2]) - 1}`;
      return [
        { op: 'add', path: `${before}/podSelector`, value: valueAt(object, `${finding.path}.podSelector`) },
        { op: 'remove', path: pointer },
      ];
    }
    case 'null-selector':
      // An absent podSelector in a peer means another thing than an empty one: only matchLabels and matchExpressions are certain.
      return /\.match(Labels|Expressions)$/.test(finding.path) ? [{ op: 'remove', path: pointer }] : undefined;
    case 'dns-cut-off':
      return [{ op: 'add', path: '/spec/egress/-', value: dnsRule }];
    case 'service-port':
      return finding.intended === undefined ? undefined : [{ op: 'replace', path: pointer, value: finding.intended }];
    default:
      return undefined;
  }
}
