/** Paths in policies: the query is never part (Envoy `PathMatcher`); URI templates (`{*}` one segment, `{**}` the rest). */
import type { TypedExtensionConfig } from '@palisade/xds/api/envoy/config/core/v3/extension';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import type { PathMatcher } from '@palisade/xds/api/envoy/type/matcher/v3/path';
import { unpackAs } from '../config/registry.ts';
import { ProxyError } from '../proxy-error.ts';
import type { RequestTest } from './header-matcher.ts';
import { compileStringMatcher } from './string-matcher.ts';

export function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** Behind the first question mark; more of them are part of it. */
export function queryOf(path: string): URLSearchParams {
  const query = path.indexOf('?');
  return new URLSearchParams(query === -1 ? '' : path.slice(query + 1));
}

export function compilePathMatcher(matcher: PathMatcher, where: string): RequestTest {
  if (matcher.rule.case !== 'path') throw new ProxyError('bad-config', `${where}: url_path needs a path`);
  const test = compileStringMatcher(matcher.rule.value, where);
  return (request) => test(withoutQuery(request.path));
}

export function compileUriTemplate(config: TypedExtensionConfig, where: string): RequestTest {
  const { pathTemplate } = unpackAs(config.typedConfig, UriTemplateMatchConfigSchema, where);
  const regex = templateRegex(pathTemplate, where);
  return (request) => regex.test(withoutQuery(request.path));
}

const pathCharacters = "[A-Za-z0-9\\-._~%!$&'()+,;:@=]";
/** Envoy: a single `*` never matches an empty segment, `**` matches anything including nothing. */
const one = `${pathCharacters.slice(0, -1)}*]+`;
const rest = `${pathCharacters.slice(0, -1)}*/]*`;

function templateRegex(template: string, where: string): RegExp {
  const refuse = (why: string) => new ProxyError('bad-config', `${where}: cannot use the path template "${template}": ${why}`);
  if (!template.startsWith('/')) throw refuse('it must begin with "/"');
  let ended = false;
  const segments = template.slice(1).split('/');
  const parts = segments.map((segment) => {
    const variable =
      /^\{(?:[A-Za-z]\w*=)?(\*\*|\*)\}(.*)$/.exec(segment) ?? /^\{[A-Za-z]\w*\}()$/.exec(segment) ?? /^(\*\*|\*)()$/.exec(segment);
    if (variable === null) {
      if (!new RegExp(`^${pathCharacters}*$`).test(segment))
        throw refuse(`the segment "${segment}" holds characters that stand for themselves nowhere`);
      return segment.replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&');
    }
    if (ended) throw refuse('"**" must be the last operator');
    ended = variable[1] === '**';
    const suffix = (variable[2] ?? '').replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&');
    return (ended ? rest : one) + suffix;
  });
  return new RegExp(`^/${parts.join('/')}$`);
}
