import type { KubernetesObject } from '@palisade/kubernetes';
import type { ConfigMap, Container, EnvVar, KeySelector, Secret } from '../pod-types.ts';
import { expandVariables } from './expand.ts';
import { ContainerConfigError, type PodFacts, readField, readResource } from './fields.ts';

/** Objects of the pod's namespace, by name. */
export interface ConfigSource {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
}

/** Objects that volumes are made from: a namespace's, and the cluster's persistent volumes. */
export interface VolumeSource extends ConfigSource {
  claim(name: string): KubernetesObject | undefined;
  persistentVolume(name: string): KubernetesObject | undefined;
}

export interface EnvironmentInput {
  readonly facts: PodFacts;
  readonly container: Container;
  readonly config: ConfigSource;
  /** From `renderServiceLinks`. */
  readonly serviceLinks: Readonly<Record<string, string>>;
}

/**
 * A container's variables as the pod defines them, without the image's (kubelet `makeEnvironmentVariables`): Service links, then `envFrom` in order,
 * then `env` in order; later wins. `$(NAME)` sees what was defined before it, links included.
 *
 * @throws ContainerConfigError when a ConfigMap, Secret or key that is not optional is missing
 */
export function resolveEnvironment(input: EnvironmentInput): Record<string, string> {
  const { container, config } = input;
  const env: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const map = needed(config.configMap(configMapRef.name ?? ''), 'configmap', configMapRef);
      Object.assign(env, prefixed(prefix, map?.data ?? {}));
    }
    if (secretRef) {
      const secret = needed(config.secret(secretRef.name ?? ''), 'secret', secretRef);
      const decoded = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decodeText(value)] as const);
      Object.assign(env, prefixed(prefix, Object.fromEntries(decoded)));
    }
  }
  for (const variable of container.env ?? []) {
    const value = readVariable(input, variable, env);
    if (value !== undefined) env[variable.name] = value;
  }
  return { ...input.serviceLinks, ...env };
}

/** `command` and `args` with the container's own variables put in; the image's are not seen (Kubernetes, "Define a command"). */
export function expandAll(words: readonly string[] | undefined, env: Readonly<Record<string, string>>): string[] | undefined {
  return words?.map((word) => expandVariables(word, (name) => env[name]));
}

function readVariable(input: EnvironmentInput, variable: EnvVar, env: Readonly<Record<string, string>>): string | undefined {
  const { facts, container, config, serviceLinks } = input;
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  if (fieldRef) return readField(facts, fieldRef.fieldPath);
  if (resourceFieldRef) return readResource(facts, container, resourceFieldRef);
  if (configMapKeyRef) {
    const map = needed(config.configMap(configMapKeyRef.name ?? ''), 'configmap', configMapKeyRef);
    return map && neededKey(map.data?.[configMapKeyRef.key], 'ConfigMap', configMapKeyRef, facts.pod.metadata.namespace);
  }
  if (secretKeyRef) {
    const secret = needed(config.secret(secretKeyRef.name ?? ''), 'secret', secretKeyRef);
    const value = secret && neededKey(secret.data?.[secretKeyRef.key], 'Secret', secretKeyRef, facts.pod.metadata.namespace);
    return value === undefined ? undefined : decodeText(value);
  }
  return expandVariables(variable.value ?? '', (name) => env[name] ?? serviceLinks[name]);
}

function needed<T>(object: T | undefined, what: string, ref: { name?: string; optional?: boolean }): T | undefined {
  if (object === undefined && !ref.optional) throw new ContainerConfigError(`${what} "${ref.name ?? ''}" not found`);
  return object;
}

function neededKey(value: string | undefined, kind: string, ref: KeySelector, namespace: string | undefined): string | undefined {
  if (value === undefined && !ref.optional) {
    throw new ContainerConfigError(`couldn't find key ${ref.key} in ${kind} ${namespace}/${ref.name ?? ''}`);
  }
  return value;
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value]));
}

function decodeText(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
