/** What a rule asks of the destination and the request line, as Envoy RBAC permissions. */

import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { PermissionSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import { parseCidr } from './cidr.ts';
import { filterMetadataMatch, headerMatch, stringMatch } from './matchers.ts';
import { isPathTemplate, renderPathTemplate } from './path-template.ts';
import type { PermissionSubject, Term } from './terms.ts';

export type Permission = MessageInitShape<typeof PermissionSchema>;

export const anyPermission: Permission = { rule: { case: 'any', value: true } };

export const allOf = (rules: Permission[]): Permission => ({ rule: { case: 'andRules', value: { rules } } });
const oneOf = (rules: Permission[]): Permission => ({ rule: { case: 'orRules', value: { rules } } });
export const not = (rule: Permission): Permission => ({ rule: { case: 'notRule', value: rule } });

/** A conjunction; one without terms is always true. */
export function compilePermission(terms: readonly Term<PermissionSubject>[]): Permission {
  const rules = terms.flatMap(compileTerm);
  return allOf(rules.length === 0 ? [anyPermission] : rules);
}

function compileTerm({ subject, values, notValues }: Term<PermissionSubject>): Permission[] {
  const alternatives = (list: readonly string[]): Permission => {
    if (subject.type !== 'filterMetadata') return oneOf(list.map((value) => compileValue(subject, value)));
    return { rule: { case: 'metadata', value: filterMetadataMatch(subject.filter, subject.key, list) } };
  };
  return [...(values.length > 0 ? [alternatives(values)] : []), ...(notValues.length > 0 ? [not(alternatives(notValues))] : [])];
}

function compileValue(subject: Exclude<PermissionSubject, { type: 'filterMetadata' }>, value: string): Permission {
  switch (subject.type) {
    case 'host':
      return header(':authority', value, { ignoreCase: true });
    case 'method':
      return header(':method', value);
    case 'path':
      return path(value);
    case 'port':
      return { rule: { case: 'destinationPort', value: Number(value) } };
    case 'destinationIp': {
      const { address, prefixLength } = parseCidr(value)!;
      return { rule: { case: 'destinationIp', value: { addressPrefix: address, prefixLen: prefixLength } } };
    }
    case 'sni':
      return { rule: { case: 'requestedServerName', value: stringMatch(value) } };
    default:
      return subject.type satisfies never;
  }
}

function header(name: string, pattern: string, options?: { ignoreCase: boolean }): Permission {
  return { rule: { case: 'header', value: headerMatch(name, pattern, options) } };
}

function path(value: string): Permission {
  if (!isPathTemplate(value)) return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: stringMatch(value) } } } };
  const config = create(UriTemplateMatchConfigSchema, { pathTemplate: renderPathTemplate(value) });
  return { rule: { case: 'uriTemplate', value: { name: 'uri-template', typedConfig: anyPack(UriTemplateMatchConfigSchema, config) } } };
}
