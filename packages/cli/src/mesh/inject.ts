/** `palisade inject -f`: manifests as the webhook would make them, for clusters where it does not run. */
import { injectPod } from '@palisade/control-plane/inject';
import { readSettings } from '@palisade/control-plane/settings';
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseAllDocuments, stringify } from 'yaml';
import { readFiles } from '../netpol/read-files.ts';
import { podPlaces } from './pod-places.ts';

interface InjectOptions {
  readonly filename: readonly string[];
  readonly istioNamespace: string;
  readonly dataplane: string;
  readonly interception: string;
  readonly trustDomain?: string;
  readonly output: string;
}

type Settings = Parameters<typeof injectPod>[2];

/** @returns 0 */
export async function inject(options: InjectOptions): Promise<number> {
  const { dataplane, interception } = options;
  if (dataplane !== 'palisade' && dataplane !== 'envoy')
    throw new Error(`Cannot use --dataplane "${dataplane}": expected palisade or envoy`);
  if (interception !== 'redirect' && interception !== 'inline')
    throw new Error(`Cannot use --interception "${interception}": expected redirect or inline`);
  const { trustDomains, profile } = readSettings(undefined, options.istioNamespace);
  const settings: Settings = {
    image: 'palisade/proxy',
    discoveryAddress: `istiod.${options.istioNamespace}.svc:15012`,
    trustDomain: options.trustDomain ?? trustDomains.local,
    dataplane,
    interception,
    profile,
  };
  const objects = readFiles(options.filename).flatMap(({ name, text }) => documentsOf(name, text));
  const injected = objects.map((object) => injectObject(object, settings, (warning) => console.error(`palisade: ${warning}`)));
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: injected }, null, 2)}\n`);
  else process.stdout.write(injected.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n'));
  return 0;
}

function documentsOf(name: string, text: string): KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`Cannot read ${name}: ${problem.message.split('\n')[0]}`);
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}

/** Asked for by hand, so every pod gets its proxy but those that say no. */
export function injectObject(object: KubernetesObject, settings: Settings, warn: (text: string) => void): KubernetesObject {
  if (object.kind === 'List') {
    const items = (object['items'] ?? []) as readonly KubernetesObject[];
    return { ...object, items: items.map((item) => injectObject(item, settings, warn)) };
  }
  const place = podPlaces.get(object.kind ?? '');
  if (place === undefined) return object;
  const { namespace: name = 'default' } = object.metadata;
  const namespace = { name, labels: { 'istio-injection': 'enabled' } };
  return within(object, place, (template) => {
    const { pod, warnings } = injectPod(
      { metadata: {}, ...template, apiVersion: 'v1', kind: 'Pod' } as KubernetesObject,
      namespace,
      settings,
    );
    for (const warning of warnings) warn(`${object.kind} ${name}/${object.metadata.name} ${warning}`);
    const { apiVersion: _, kind: __, ...rest } = pod;
    return place.length === 0 ? { apiVersion: object.apiVersion, kind: object.kind, ...rest } : rest;
  }) as unknown as KubernetesObject;
}

type Fields = Readonly<Record<string, unknown>>;

function within(value: Fields, path: readonly string[], change: (inner: Fields) => Fields): Fields {
  const [step, ...rest] = path;
  return step === undefined ? change(value) : { ...value, [step]: within((value[step] ?? {}) as Fields, rest, change) };
}
