import type { PolicyRef } from '@palisade/flow';

export const lintRules = {
  refused: 'the policy cannot be read',
  'or-instead-of-and': 'two list elements mean OR',
  'null-selector': 'a selector written without content selects everything',
  'selects-nothing': 'the policy selects no pod',
  'peer-selects-nothing': 'a peer selects no pod',
  'port-name-unknown': 'a port name resolves nowhere',
  'dns-cut-off': 'egress rules leave out DNS',
  'ip-block-covers-pods': 'an ipBlock covers addresses of pods',
  'service-port': 'a port of a Service where policies see the port of the container',
  shadowed: 'a rule never decides, because the Admin tier denies the same before',
} as const;
export type LintRule = keyof typeof lintRules;

export interface LintFinding {
  readonly rule: LintRule;
  readonly severity: 'error' | 'warning';
  readonly policy: PolicyRef;
  /** Field as written in YAML. */
  readonly path: string;
  /** What it really means, in words. */
  readonly message: string;
  /** The value that was probably meant, where it is one value. */
  readonly intended?: number;
}
