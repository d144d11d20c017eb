import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';
import { checkConfigMapKey, checkDns1123Label, checkEnvVarName, checkPortName, checkPortNumber } from './names.ts';
import { validateResources } from './resources.ts';

/** One container of a pod (kubernetes `pkg/apis/core/validation`, validateContainers). */

export interface ContainerContext {
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
}

const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const valueSources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'];

export function validatePortReference(f: Findings, field: string, port: number | string | undefined): void {
  if (typeof port === 'string') f.invalidEach(field, port, checkPortName(port));
  else f.invalidEach(field, port ?? 0, checkPortNumber(port ?? 0));
}

function validateFieldRef(f: Findings, field: string, ref: Struct): void {
  const path: string = ref['fieldPath'] ?? '';
  if (path === '') f.required(`${field}.fieldPath`);
  else if (!fieldPaths.includes(path) && !/^metadata\.(labels|annotations)\['[^']+'\]$/.test(path)) {
    f.invalid(`${field}.fieldPath`, path, `error converting fieldPath: field label not supported: ${path}`);
  }
}

function validateEnv(f: Findings, field: string, env: readonly Struct[]): void {
  for (const [i, variable] of env.entries()) {
    const at = `${field}[${i}]`;
    const name: string = variable['name'] ?? '';
    if (name === '') f.required(`${at}.name`);
    else f.invalidEach(`${at}.name`, name, checkEnvVarName(name));
    const source: Struct | undefined = variable['valueFrom'];
    if (!source) continue;
    const given = valueSources.filter((s) => source[s] !== undefined);
    if (source['fieldRef']) validateFieldRef(f, `${at}.valueFrom.fieldRef`, source['fieldRef']);
    for (const ref of ['configMapKeyRef', 'secretKeyRef']) {
      if (!source[ref]) continue;
      if (!source[ref].name) f.required(`${at}.valueFrom.${ref}.name`);
      if (!source[ref].key) f.required(`${at}.valueFrom.${ref}.key`);
      else f.invalidEach(`${at}.valueFrom.${ref}.key`, source[ref].key, checkConfigMapKey(source[ref].key));
    }
    if (given.length === 0)
      f.invalid(`${at}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`');
    else if (variable['value']) f.invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty');
    if (given.length > 1) f.invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time');
  }
}

function validateEnvFrom(f: Findings, field: string, sources: readonly Struct[]): void {
  for (const [i, source] of sources.entries()) {
    const given = ['configMapRef', 'secretRef'].filter((s) => source[s] !== undefined);
    for (const ref of given) if (!source[ref].name) f.required(`${field}[${i}].${ref}.name`);
    if (given.length === 0) f.invalid(`${field}[${i}]`, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (given.length > 1) f.invalid(`${field}[${i}]`, '', 'may not have more than one field specified at a time');
  }
}

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

/** Exactly one action; what is wrong inside the first one is said too. */
function validateHandler(f: Findings, field: string, handler: Struct): void {
  const given = handlers.filter((name) => handler[name] !== undefined);
  if (given.length === 0) f.required(field, 'must specify a handler type');
  for (const name of given.slice(1)) f.forbidden(`${field}.${name}`, 'may not specify more than 1 handler type');
  const first = given[0];
  if (first === 'exec' && (handler['exec'].command ?? []).length === 0) f.required(`${field}.exec.command`);
  if (first === 'httpGet') {
    if (!handler['httpGet'].path) f.required(`${field}.httpGet.path`);
    validatePortReference(f, `${field}.httpGet.port`, handler['httpGet'].port);
    f.oneOf(`${field}.httpGet.scheme`, handler['httpGet'].scheme, ['HTTP', 'HTTPS']);
  }
  if (first === 'tcpSocket') validatePortReference(f, `${field}.tcpSocket.port`, handler['tcpSocket'].port);
  if (first === 'grpc') validatePortReference(f, `${field}.grpc.port`, handler['grpc'].port);
}

function validateProbe(f: Findings, field: string, probe: Struct | undefined): void {
  if (!probe) return;
  validateHandler(f, field, probe);
  for (const name of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'])
    f.nonNegative(`${field}.${name}`, probe[name]);
  const grace: number | undefined = probe['terminationGracePeriodSeconds'];
  if (grace !== undefined && grace <= 0) f.invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0');
}

function validateProbes(f: Findings, field: string, container: Struct): void {
  validateProbe(f, `${field}.livenessProbe`, container['livenessProbe']);
  validateProbe(f, `${field}.readinessProbe`, container['readinessProbe']);
  validateProbe(f, `${field}.startupProbe`, container['startupProbe']);
  for (const name of ['livenessProbe', 'startupProbe']) {
    const threshold: number | undefined = container[name]?.successThreshold;
    if (threshold !== undefined && threshold > 1) f.invalid(`${field}.${name}.successThreshold`, threshold, 'must be 1');
  }
  if (container['readinessProbe']?.terminationGracePeriodSeconds !== undefined) {
    f.invalid(
      `${field}.readinessProbe.terminationGracePeriodSeconds`,
      container['readinessProbe'].terminationGracePeriodSeconds,
      'must not be set for readinessProbes',
    );
  }
  for (const hook of ['postStart', 'preStop'])
    if (container['lifecycle']?.[hook]) validateHandler(f, `${field}.lifecycle.${hook}`, container['lifecycle'][hook]);
}

function validatePorts(f: Findings, field: string, ports: readonly Struct[], hostNetwork: boolean): void {
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const at = `${field}[${i}]`;
    const name: string = port['name'] ?? '';
    if (name !== '') {
      const complaints = checkPortName(name);
      f.invalidEach(`${at}.name`, name, complaints);
      if (complaints.length === 0 && names.has(name)) f.duplicate(`${at}.name`, name);
      names.add(name);
    }
    if (!port['containerPort']) f.required(`${at}.containerPort`);
    else f.invalidEach(`${at}.containerPort`, port['containerPort'], checkPortNumber(port['containerPort']));
    if (port['hostPort']) f.invalidEach(`${at}.hostPort`, port['hostPort'], checkPortNumber(port['hostPort']));
    if (hostNetwork && port['hostPort'] && port['hostPort'] !== port['containerPort']) {
      f.invalid(`${at}.hostPort`, port['hostPort'], 'must match `containerPort` when `hostNetwork` is true');
    }
    f.oneOf(`${at}.protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']);
  }
}

function validateMounts(f: Findings, field: string, mounts: readonly Struct[], volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  for (const [i, mount] of mounts.entries()) {
    const at = `${field}[${i}]`;
    const [name, path, subPath]: (string | undefined)[] = [mount['name'], mount['mountPath'], mount['subPath']];
    if (!name) f.required(`${at}.name`);
    else if (!volumes.has(name)) f.notFound(`${at}.name`, name);
    if (!path) f.required(`${at}.mountPath`);
    else if (paths.has(path)) f.invalid(`${at}.mountPath`, path, 'must be unique');
    paths.add(path ?? '');
    if (subPath && mount['subPathExpr'])
      f.invalid(`${at}.subPathExpr`, mount['subPathExpr'], 'subPathExpr and subPath are mutually exclusive');
    if (subPath?.startsWith('/')) f.invalid(`${at}.subPath`, subPath, 'must be a relative path');
    if (subPath?.split('/').includes('..')) f.invalid(`${field}.subPath`, subPath, "must not contain '..'");
  }
}

/** How Go's internal type prints. */
const printedContext = (context: Struct): Struct => ({
  Capabilities: context['capabilities'] ?? null,
  Privileged: context['privileged'] ?? null,
  SELinuxOptions: context['seLinuxOptions'] ?? null,
  WindowsOptions: null,
  RunAsUser: context['runAsUser'] ?? null,
  RunAsGroup: context['runAsGroup'] ?? null,
  RunAsNonRoot: context['runAsNonRoot'] ?? null,
  ReadOnlyRootFilesystem: context['readOnlyRootFilesystem'] ?? null,
  AllowPrivilegeEscalation: context['allowPrivilegeEscalation'] ?? null,
  ProcMount: context['procMount'] ?? null,
  SeccompProfile: context['seccompProfile'] ?? null,
  AppArmorProfile: context['appArmorProfile'] ?? null,
});

function validateSecurityContext(f: Findings, field: string, context: Struct | undefined): void {
  if (!context) return;
  for (const name of ['runAsUser', 'runAsGroup'])
    if (context[name] < 0) f.invalid(`${field}.${name}`, context[name], 'must be between 0 and 2147483647, inclusive');
  if (context['allowPrivilegeEscalation'] !== false) return;
  if (context['privileged'])
    f.invalid(field, printedContext(context), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  if ((context['capabilities']?.add ?? []).includes('CAP_SYS_ADMIN')) {
    f.invalid(field, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
}

function validateContainer(f: Findings, field: string, container: Struct, context: ContainerContext): void {
  const name: string = container['name'] ?? '';
  if (name === '') f.required(`${field}.name`);
  else f.invalidEach(`${field}.name`, name, checkDns1123Label(name));
  const image: string = container['image'] ?? '';
  if (image !== image.trim()) f.invalid(`${field}.image`, image, 'must not have leading or trailing whitespace');
  else if (image === '') f.required(`${field}.image`);
  f.oneOf(`${field}.terminationMessagePolicy`, container['terminationMessagePolicy'], ['FallbackToLogsOnError', 'File']);
  validateProbes(f, field, container);
  validatePorts(f, `${field}.ports`, container['ports'] ?? [], context.hostNetwork);
  validateEnv(f, `${field}.env`, container['env'] ?? []);
  validateEnvFrom(f, `${field}.envFrom`, container['envFrom'] ?? []);
  validateMounts(f, `${field}.volumeMounts`, container['volumeMounts'] ?? [], context.volumes);
  f.oneOf(`${field}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']);
  validateResources(f, `${field}.resources`, container['resources']);
  validateSecurityContext(f, `${field}.securityContext`, container['securityContext']);
}

/** Containers and init containers share one set of names. */
export function validateContainers(f: Findings, spec: Struct, field: string, context: ContainerContext): void {
  const names = new Set<string>();
  const containers: readonly Struct[] = spec['containers'] ?? [];
  if (containers.length === 0) f.required(`${field}.containers`);
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const [i, container] of ((spec[list] ?? []) as Struct[]).entries()) {
      const at = `${field}.${list}[${i}]`;
      validateContainer(f, at, container, context);
      const name: string = container['name'] ?? '';
      if (name !== '' && names.has(name)) f.duplicate(`${at}.name`, name);
      names.add(name);
      validateRestartPolicy(f, at, list, container);
    }
  }
}

/** Only init containers have a restart policy of their own, and only Always (a sidecar); only sidecars there have probes. */
function validateRestartPolicy(f: Findings, at: string, list: string, container: Struct): void {
  const policy: string | undefined = container['restartPolicy'];
  if (list === 'containers' && policy !== undefined) f.forbidden(`${at}.restartPolicy`, 'may not be set for non-init containers');
  if (list !== 'initContainers') return;
  if (policy !== undefined && policy !== 'Always') f.notSupported(`${at}.restartPolicy`, policy, ['Always']);
  if (policy === 'Always') return;
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']) {
    if (container[name] !== undefined) f.forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always');
  }
}
