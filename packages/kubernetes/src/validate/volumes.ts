import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';
import { checkConfigMapKey, checkDns1123Label } from './names.ts';

const relativePath = (f: Findings, field: string, path: string): void => {
  if (path.startsWith('/')) f.invalid(field, path, 'must be a relative path');
  if (path.split('/').includes('..')) f.invalid(field, path, "must not contain '..'");
};

/** Keys to files: of configMap, secret and projected volumes. */
function validateItems(f: Findings, field: string, items: readonly Struct[] | undefined): void {
  for (const [i, item] of (items ?? []).entries()) {
    if (!item['key']) f.required(`${field}[${i}].key`);
    else f.invalidEach(`${field}[${i}].key`, item['key'], checkConfigMapKey(item['key']));
    if (!item['path']) f.required(`${field}[${i}].path`);
    else relativePath(f, `${field}[${i}].path`, item['path']);
  }
}

function validateMode(f: Findings, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777))
    f.invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
}

function validateProjected(f: Findings, field: string, projected: Struct): void {
  validateMode(f, `${field}.defaultMode`, projected['defaultMode']);
  for (const [i, source] of ((projected['sources'] ?? []) as Struct[]).entries()) {
    const at = `${field}.sources[${i}]`;
    const kinds = ['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle', 'podCertificate'].filter(
      (k) => source[k] !== undefined,
    );
    for (const extra of kinds.slice(1)) f.forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type');
    if (kinds.length === 0) f.required(at, 'must specify a volume type');
    for (const kind of ['secret', 'configMap']) {
      if (!source[kind]) continue;
      if (!source[kind].name) f.required(`${at}.${kind}.name`);
      validateItems(f, `${at}.${kind}.items`, source[kind].items);
    }
    const token: Struct | undefined = source['serviceAccountToken'];
    if (token && !token['path']) f.required(`${at}.serviceAccountToken.path`);
    if (token && token['expirationSeconds'] < 600)
      f.invalid(
        `${at}.serviceAccountToken.expirationSeconds`,
        token['expirationSeconds'],
        'may not specify a duration less than 10 minutes',
      );
  }
}

const hostPathTypes = ['BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

/** Of a pod's volume and of a PersistentVolume. */
export function validateHostPath(f: Findings, at: string, source: Struct): void {
  if (!source['path']) {
    f.required(`${at}.path`);
    return;
  }
  if (String(source['path']).split('/').includes('..')) f.invalid(`${at}.path`, source['path'], "must not contain '..'");
  if (source['type'] && !hostPathTypes.includes(source['type'])) f.notSupported(`${at}.type`, source['type'], ['', ...hostPathTypes]);
}

function validateSource(f: Findings, at: string, kind: string, source: Struct): void {
  switch (kind) {
    case 'hostPath':
      validateHostPath(f, at, source);
      break;
    case 'secret':
      if (!source['secretName']) f.required(`${at}.secretName`);
      validateMode(f, `${at}.defaultMode`, source['defaultMode']);
      validateItems(f, `${at}.items`, source['items']);
      break;
    case 'configMap':
      if (!source['name']) f.required(`${at}.name`);
      validateMode(f, `${at}.defaultMode`, source['defaultMode']);
      validateItems(f, `${at}.items`, source['items']);
      break;
    case 'persistentVolumeClaim':
      if (!source['claimName']) f.required(`${at}.claimName`);
      break;
    case 'projected':
      validateProjected(f, at, source);
      break;
    default:
  }
}

/** The order in which the server looks at sources: of two, the later one is the one too many. */
const sourceOrder = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'secret',
  'nfs',
  'iscsi',
  'persistentVolumeClaim',
  'downwardAPI',
  'configMap',
  'projected',
  'csi',
  'ephemeral',
  'image',
];
const rank = (kind: string): number => (sourceOrder.includes(kind) ? sourceOrder.indexOf(kind) : sourceOrder.length);

/** @returns the names that containers may mount */
export function validateVolumes(f: Findings, field: string, volumes: readonly Struct[] | undefined): Set<string> {
  const names = new Set<string>();
  for (const [i, volume] of (volumes ?? []).entries()) {
    const at = `${field}[${i}]`;
    const kinds = Object.keys(volume)
      .filter((key) => key !== 'name')
      .sort((a, b) => rank(a) - rank(b));
    for (const extra of kinds.slice(1)) f.forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type');
    const kind = kinds[0];
    if (kind === undefined) f.required(at, 'must specify a volume type');
    else validateSource(f, `${at}.${kind}`, kind, volume[kind]);
    const name: string = volume['name'] ?? '';
    if (name === '') f.required(`${at}.name`);
    else f.invalidEach(`${at}.name`, name, checkDns1123Label(name));
    if (name !== '' && names.has(name)) f.duplicate(`${at}.name`, name);
    names.add(name);
  }
  return names;
}
