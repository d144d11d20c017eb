/** `owasp/modsecurity-crs`: Apache, ModSecurity 2.9 and the Core Rule Set of the machine's distribution as a reverse proxy. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createAuditLogReader } from './audit-log.ts';
import { CONTAINER_TOOLS, ImageConfigError, type ImageDefinition, type ImagePaths } from './image.ts';
import { containerPlace, renderHttpd } from './modsecurity-config.ts';
import { readModSecuritySettings } from './modsecurity-variables.ts';
import { containerWaf, preparePalisadeWaf, wafEngineOf } from './palisade-waf.ts';

const configuration = '/etc/apache2/apache2.conf';

export function modsecurityImage(paths: ImagePaths): ImageDefinition {
  return {
    names: ['owasp/modsecurity-crs', 'ghcr.io/coreruleset/modsecurity-crs'],
    entrypoint: [`${CONTAINER_TOOLS}/usr/sbin/apache2`, '-f', configuration, '-DFOREGROUND'],
    env: { LD_LIBRARY_PATH: `${CONTAINER_TOOLS}/usr/lib/${multiarch(process.arch)}` },
    passwd: ['www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin'],
    group: ['www-data:x:33:'],
    exposedPorts: [80],
    prepare(container) {
      if (wafEngineOf(container.annotations ?? {}) === 'palisade') {
        const settings = readModSecuritySettings(container.env, container.image);
        return preparePalisadeWaf(settings, containerWaf, paths);
      }
      const missing = ['usr/sbin/apache2', 'usr/lib/apache2/modules/mod_security2.so', 'usr/share/modsecurity-crs/rules'].find(
        (path) => !existsSync(join(paths.toolsRoot, path)),
      );
      if (missing !== undefined)
        throw new ImageConfigError(`${missing} is not in ${paths.toolsRoot}: run "npm run setup" to fetch Apache with ModSecurity`);
      const settings = readModSecuritySettings(container.env, container.image);
      return { files: [{ path: configuration, content: renderHttpd(settings, containerPlace) }] };
    },
    flowLog: { path: containerPlace.auditLog, createReader: createAuditLogReader },
  };
}

/** Debian's name of the library folder. */
function multiarch(arch: string): string {
  return arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}
