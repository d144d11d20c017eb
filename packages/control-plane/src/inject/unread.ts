/** Annotations that Istio's injection reads and ours does not: told, so that nobody waits for what does not happen. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { parse } from 'yaml';
import { configName, readAnnotations, readConfigFields } from './options.ts';

/** Of injection and of the proxy it puts in. */
const prefixes = /^(?:(?:[a-z.]+\.)?sidecar\.istio\.io|(?:inject|proxy|prometheus)\.istio\.io)\//;

/** @param pod as it was written. @returns one sentence each */
export function findUnread({ metadata }: KubernetesObject): string[] {
  const { annotations = {} } = metadata;
  const config = annotations[configName];
  const fields = config === undefined ? [] : Object.keys((parse(config) as object | null) ?? {});
  return [
    ...Object.keys(annotations)
      .filter((name) => prefixes.test(name) && !readAnnotations.includes(name))
      .map((name) => `${name} is not yet supported and has no effect`),
    ...fields
      .filter((field) => !readConfigFields.includes(field))
      .map((field) => `${configName}: ${field} is not yet supported and has no effect`),
  ];
}
