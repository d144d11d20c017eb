import type { Struct } from '../defaults/value.ts';
import type { Findings } from './findings.ts';
import { validateLabelSelector } from './label-selector.ts';
import { checkDns1123Subdomain, checkPortNumber } from './names.ts';

/** Webhook configurations (kubernetes `pkg/apis/admissionregistration/validation`). */

const urlForm = 'desired format: https://host[/path]';

function validateUrl(f: Findings, at: string, text: string): void {
  if (!URL.canParse(text)) {
    f.invalid(at, text, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI for request; ${urlForm}`);
    return;
  }
  const url = new URL(text);
  if (url.protocol !== 'https:') f.invalid(at, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${urlForm}`);
  if (url.host === '') f.invalid(at, url.host, `host must be specified; ${urlForm}`);
  if (url.username !== '' || url.password !== '')
    f.invalid(at, `${url.username}${url.password === '' ? '' : `:${url.password}`}`, 'user information is not permitted in the URL');
  if (url.hash !== '') f.invalid(at, url.hash.slice(1), 'fragments are not permitted in the URL');
  if (url.search !== '') f.invalid(at, url.search.slice(1), 'query parameters are not permitted in the URL');
}

/** Segments of a webhook's path are names. */
function validatePath(f: Findings, at: string, path: string): void {
  if (path === '' || path === '/') return;
  if (path === '//') {
    f.invalid(at, path, 'segment[0] may not be empty');
    return;
  }
  if (!path.startsWith('/')) f.invalid(at, path, "must start with a '/'");
  for (const [i, segment] of path.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (segment === '') f.invalid(at, path, `segment[${i}] may not be empty`);
    else
      f.invalidEach(
        at,
        path,
        checkDns1123Subdomain(segment).map((why) => `segment[${i}]: ${why}`),
      );
  }
}

/** Exactly one of URL and service. */
export function validateClientConfig(f: Findings, at: string, config: Struct): void {
  const service: Struct | undefined = config['service'];
  if ((config['url'] === undefined) === (service === undefined)) f.required(at, 'exactly one of url or service is required');
  else if (config['url'] !== undefined) validateUrl(f, `${at}.url`, config['url']);
  else {
    if (!service!['name']) f.required(`${at}.service.name`, 'service name is required');
    if (!service!['namespace']) f.required(`${at}.service.namespace`, 'service namespace is required');
    const path: string | undefined = service!['path'];
    if (path !== undefined) validatePath(f, `${at}.service.path`, path);
    const port: number | undefined = service!['port'];
    if (port !== undefined && checkPortNumber(port).length > 0)
      f.invalid(`${at}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive');
  }
}

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function validateRule(f: Findings, at: string, rule: Struct): void {
  for (const name of ['apiGroups', 'apiVersions', 'resources']) {
    const list: readonly string[] = rule[name] ?? [];
    if (list.length === 0) f.required(`${at}.${name}`);
    if (list.length > 1 && list.includes('*'))
      f.invalid(
        `${at}.${name}`,
        list,
        "if '*' is present, must not specify other " +
          (name === 'resources' ? 'resources without subresources' : name === 'apiGroups' ? 'API groups' : 'API versions'),
      );
  }
  const list: readonly string[] = rule['operations'] ?? [];
  if (list.length === 0) f.required(`${at}.operations`);
  if (list.length > 1 && list.includes('*')) f.invalid(`${at}.operations`, list, "if '*' is present, must not specify other operations");
  for (const [i, operation] of list.entries())
    if (!operations.includes(operation)) f.notSupported(`${at}.operations[${i}]`, operation, operations);
  const scope: string | undefined = rule['scope'];
  if (scope !== undefined && !['*', 'Cluster', 'Namespaced'].includes(scope))
    f.notSupported(`${at}.scope`, scope, ['*', 'Cluster', 'Namespaced']);
}

function validateWebhook(f: Findings, at: string, webhook: Struct): void {
  const name: string = webhook['name'] ?? '';
  if (name === '') f.required(`${at}.name`);
  else {
    f.invalidEach(`${at}.name`, name, checkDns1123Subdomain(name));
    if (name.split('.').length < 3) f.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots');
  }
  for (const [i, rule] of ((webhook['rules'] ?? []) as Struct[]).entries()) validateRule(f, `${at}.rules[${i}]`, rule);
  for (const [field, supported] of [
    ['failurePolicy', ['Fail', 'Ignore']],
    ['matchPolicy', ['Equivalent', 'Exact']],
    ['reinvocationPolicy', ['IfNeeded', 'Never']],
  ] as const) {
    const value: string | undefined = webhook[field];
    if (value !== undefined && !(supported as readonly string[]).includes(value)) f.notSupported(`${at}.${field}`, value, supported);
  }
  const effects: string | undefined = webhook['sideEffects'];
  if (effects === undefined) f.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun');
  else if (!['None', 'NoneOnDryRun'].includes(effects)) f.notSupported(`${at}.sideEffects`, effects, ['None', 'NoneOnDryRun']);
  const timeout: number | undefined = webhook['timeoutSeconds'];
  if (timeout !== undefined && (timeout < 1 || timeout > 30))
    f.invalid(`${at}.timeoutSeconds`, timeout, `the timeout value must be between 1 and 30 seconds`);
  validateLabelSelector(f, `${at}.namespaceSelector`, webhook['namespaceSelector']);
  validateLabelSelector(f, `${at}.objectSelector`, webhook['objectSelector']);
  validateClientConfig(f, `${at}.clientConfig`, webhook['clientConfig'] ?? {});
  const versions: readonly string[] = webhook['admissionReviewVersions'] ?? [];
  if (versions.length === 0) f.required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1');
  else if (!versions.includes('v1') && !versions.includes('v1beta1'))
    f.invalid(`${at}.admissionReviewVersions`, versions, 'must include at least one of v1, v1beta1');
}

/** Validating and mutating alike. */
export function validateWebhooks(f: Findings, object: Struct): void {
  const names = new Set<string>();
  for (const [i, webhook] of ((object['webhooks'] ?? []) as Struct[]).entries()) {
    validateWebhook(f, `webhooks[${i}]`, webhook);
    const name: string = webhook['name'] ?? '';
    if (name !== '' && names.has(name)) f.duplicate(`webhooks[${i}].name`, name);
    names.add(name);
  }
}
