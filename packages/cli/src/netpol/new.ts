import { renderTable } from '../table.ts';
import { networkPolicyTemplates } from './templates/network-policies.ts';
import { pciTemplate } from './templates/pci.ts';
import type { Template } from './templates/template.ts';

export const templates: Readonly<Record<string, Template>> = { ...networkPolicyTemplates, pci: pciTemplate };

/** Values end up in YAML: only what needs no quotes there is taken. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._/:-]*$/;

/**
 * A template as manifests.
 *
 * @param settings `name=value`
 * @throws Error for an unknown template or value
 */
export function renderTemplate(name: string, namespace: string, settings: readonly string[] = []): string {
  const template = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (!template) throw new Error(`Unknown template "${name}": expected ${Object.keys(templates).join(', ')}`);
  const values: Record<string, string> = { ...template.values };
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    const key = setting.slice(0, Math.max(equals, 0));
    if (!Object.hasOwn(template.values, key)) {
      const known = Object.keys(template.values).join(', ') || 'nothing to set';
      throw new Error(`Cannot use --set "${setting}": template ${name} has ${known}`);
    }
    values[key] = setting.slice(equals + 1);
  }
  for (const [key, value] of Object.entries({ ...values, namespace }))
    if (!PLAIN.test(value)) throw new Error(`Cannot use ${key} "${value}": expected letters, digits and . _ / : -`);
  return template.render({ ...values, namespace });
}

/** `palisade netpol new [TEMPLATE]`. @returns 0 */
export async function newFromTemplate(name: string | undefined, options: { namespace: string; set?: string[] }): Promise<number> {
  if (name !== undefined) process.stdout.write(renderTemplate(name, options.namespace, options.set));
  else {
    const rows = Object.entries(templates).map(([key, { summary, values }]) => {
      const settings = Object.entries(values).map(([value, text]) => `${value}=${text}`);
      return [key, summary, settings.join(' ')];
    });
    process.stdout.write(`${renderTable(['TEMPLATE', 'WHAT', 'VALUES (--set)'], rows)}\n`);
  }
  return 0;
}
