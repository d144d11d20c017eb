/** Istio's own definitions of its kinds, from the conformance data. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Schema } from './schema-fields.ts';

export interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const data = process.env['CONFORMANCE_DIR'] ?? fileURLToPath(new URL('../../../../../shared/conformance', import.meta.url));
const file = `${data}/istio/crds/crd-all.gen.yaml`;
/** Why there are none, or false. */
export const withoutDefinitions = existsSync(file) ? false : `no ${file}: CONFORMANCE_DIR names the folder of the conformance data`;

export function readDefinitions(): Definition[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Definition);
}
