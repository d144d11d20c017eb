import { lintRules, type TextEdit } from '@palisade/netpol';
import type { LintReport } from './lint-report.ts';

/** Whole lines: from the beginning of the first to the beginning of the one after the last. */
function fixOf({ file, firstLine, lastLine, text }: TextEdit) {
  const deletedRegion = { startLine: firstLine, startColumn: 1, endLine: lastLine + 1, endColumn: 1 };
  return {
    description: { text: 'what was probably meant' },
    artifactChanges: [{ artifactLocation: { uri: encodeURI(file) }, replacements: [{ deletedRegion, insertedContent: { text } }] }],
  };
}

/** Findings as a SARIF 2.1.0 log, as code scanning services take it. */
export function renderSarif(reports: readonly LintReport[]): object {
  const rules = Object.entries(lintRules).map(([id, text]) => ({ id, shortDescription: { text } }));
  const results = reports.map(({ rule, severity, message, line, policy, path, patch, edit }) => {
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
      ...(edit && { fixes: [fixOf(edit)] }),
      ...(patch && { properties: { patch } }),
    };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver: { name: 'palisade netpol lint', rules } }, results }],
  };
}
