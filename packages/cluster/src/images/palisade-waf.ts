/** `@palisade/waf` as the program behind `owasp/modsecurity-crs`: the same variables, rules and audit log, another engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  CONTAINER_NODE,
  CONTAINER_TOOLS,
  containerProgram,
  ImageConfigError,
  type ImagePaths,
  type PreparedImage,
  programBinds,
} from './image.ts';
import { containerPlace } from './modsecurity-config.ts';
import type { ModSecuritySettings } from './modsecurity-variables.ts';

/** On a pod: which engine runs in its owasp/modsecurity-crs containers. */
export const WAF_ENGINE_ANNOTATION = 'palisade.dev/waf-engine';

/** Where the program finds its parts, as it sees them. */
export interface PalisadeWafPlace {
  readonly node: string;
  /** `palisade-waf`. */
  readonly program: string;
  readonly tools: string;
  readonly auditLog: string;
  /** Default: every address. */
  readonly listenAddress?: string;
}

export const containerWaf: PalisadeWafPlace = {
  node: CONTAINER_NODE,
  program: containerProgram('palisade-waf'),
  tools: CONTAINER_TOOLS,
  auditLog: containerPlace.auditLog,
};

/**
 * A sidecar sees few requests at a time: V8 lets the heap grow a little before it collects, and not to several times its size, does without its
 * two middle compilers (what is hot gets to the last one as before), and makes nothing among what lives long that is of one request. What each
 * saves: docs/decisions/0005.
 */
export const wafProgramFlags = [
  '--optimize-for-size',
  '--no-maglev',
  '--no-sparkplug',
  '--no-allocation-site-pretenuring',
  '--bytecode-old-age=2',
  '--heap-growing-percent=10',
];

/** One arena of malloc for all of Node's threads: what each leaves free others use (docs/decisions/0005). */
export const wafProgramEnvironment = { MALLOC_ARENA_MAX: '1' };

/** Ours unless the annotation says otherwise. @throws ImageConfigError for a value that names no engine */
export function wafEngineOf(annotations: Readonly<Record<string, string>>): 'modsecurity' | 'palisade' {
  const value = annotations[WAF_ENGINE_ANNOTATION] ?? 'palisade';
  if (value === 'modsecurity' || value === 'palisade') return value;
  throw new ImageConfigError(`Cannot use annotation ${WAF_ENGINE_ANNOTATION}="${value}": expected palisade or modsecurity`);
}

/** The command line; every setting that is not on it comes from the container's variables. */
export function renderPalisadeWaf(settings: ModSecuritySettings, place: PalisadeWafPlace): string[] {
  return [
    place.node,
    ...wafProgramFlags,
    '--disable-warning=ExperimentalWarning',
    place.program,
    'proxy',
    ...['--rules', `${place.tools}/usr/share/modsecurity-crs`],
    // What depends on the image's version, said outright.
    ...['--port', String(settings.port)],
    ...['--backend', settings.backend],
    ...['--preserve-host', settings.isHostPreserved ? 'On' : 'Off'],
    ...['--audit-log', place.auditLog],
    ...(place.listenAddress === undefined ? [] : ['--host', place.listenAddress]),
  ];
}

/** @throws ImageConfigError when the Core Rule Set is not on this machine */
export function preparePalisadeWaf(settings: ModSecuritySettings, place: PalisadeWafPlace, paths: ImagePaths): PreparedImage {
  if (!existsSync(join(paths.toolsRoot, 'usr/share/modsecurity-crs/rules')))
    throw new ImageConfigError(`The Core Rule Set is not in ${paths.toolsRoot}: run "npm run setup" to fetch it`);
  return {
    entrypoint: renderPalisadeWaf(settings, place),
    env: wafProgramEnvironment,
    binds: programBinds(paths),
  };
}
