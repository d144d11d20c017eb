import { lintRules } from '@palisade/netpol';
import type { LintReport } from './lint.ts';

/** Findings as a SARIF 2.1.0 log, as code scanning services take it. */
export function renderSarif(reports: readonly LintReport[]): object {
  const rules = Object.entries(lintRules).map(([id, text]) => ({ id, shortDescription: { text } }));
  const results = reports.map(({ rule, severity, message, line, policy, path, patch }) => {
    const colon = line?.lastIndexOf(':') ?? -1;
    const name = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
    const location = {
      ...(line !== undefined && {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(line.slice(0, colon)) },
          region: { startLine: Number(line.slice(colon + 1)) },
        },
      }),
      logicalLocations: [{ name, fullyQualifiedName: `${policy.kind} ${name} ${path}`, kind: 'resource' }],
    };
    return {
      ruleId: rule,
      ruleIndex: rules.findIndex(({ id }) => id === rule),
      level: severity,
      message: { text: message },
      locations: [location],
      ...(patch && { properties: { patch } }),
    };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver: { name: 'palisade netpol lint', rules } }, results }],
  };
}
