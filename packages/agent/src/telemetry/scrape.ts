/** Port 15020, `/stats/prometheus`: the requests' metrics and the proxy's own, as Prometheus asks for them. */
import { get, type IncomingMessage, type ServerResponse } from 'node:http';

export interface ScrapeOptions {
  readonly render: () => string;
  /** The proxy's administration port, on the loopback. */
  readonly adminPort: number;
}

const maxBytes = 64 * 1024 * 1024;

export function createScrape({ render, adminPort }: ScrapeOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (_, response) => {
    void proxyMetrics(adminPort).then((own) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(render() + own);
    });
  };
}

/** A proxy that does not answer leaves its part out. */
function proxyMetrics(port: number): Promise<string> {
  return new Promise((resolve) => {
    const asked = get({ host: '127.0.0.1', port, path: '/stats/prometheus', timeout: 2000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (text.length > maxBytes) asked.destroy();
      });
      answer.on('end', () => resolve(answer.statusCode === 200 ? text : ''));
      answer.on('error', () => resolve(''));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(''));
  });
}
