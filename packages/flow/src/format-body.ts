import type { FlowBody } from './record.ts';

/** What passed: `TCP Flags: SYN`, `HTTP GET /users 403`, `DNS A db.default.svc.cluster.local`, `WAF 942190 …`. */
export function describeBody(body: FlowBody): string {
  switch (body.type) {
    case 'l4':
      if (body.tcpFlags && body.tcpFlags.length > 0) return `TCP Flags: ${body.tcpFlags.join(', ')}`;
      return body.icmpType === undefined ? `${body.protocol}${padlock(body)}` : `${body.protocol} type ${body.icmpType}`;
    case 'http':
      return ['HTTP', body.method, body.path, body.status, body.durationMs === undefined ? undefined : `${body.durationMs}ms`]
        .filter((part) => part !== undefined)
        .join(' ')
        .concat(padlock(body));
    case 'dns': {
      const answers = body.answers && body.answers.length > 0 ? ` -> ${body.answers.join(', ')}` : '';
      return `DNS ${body.queryType} ${body.query}${body.responseCode === undefined ? '' : ` ${body.responseCode}`}${answers}`;
    }
    case 'waf':
      return ['WAF', body.method, body.path, body.status, body.ruleIds.length > 0 ? `rules ${body.ruleIds.join(', ')}` : undefined]
        .filter((part) => part !== undefined)
        .join(' ');
    default:
      return body satisfies never;
  }
}

const padlock = ({ isMutualTls }: { readonly isMutualTls?: boolean }) => (isMutualTls === true ? ' mTLS' : '');
