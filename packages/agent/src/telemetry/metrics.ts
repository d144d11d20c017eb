/** Istio's standard metrics, counted from reports; Prometheus text format 0.0.4. */
import { type Labels, labelKey, labelsOf, type Side } from './labels.ts';
import type { Report } from './report.ts';
import type { WorkloadName } from './workload.ts';

/** Envoy's default buckets, which Istio's histograms have. */
const bounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
] as const;

class Histogram {
  readonly buckets = new Float64Array(bounds.length + 1);
  sum = 0;
  count = 0;

  observe(value: number): void {
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.buckets[at]!++;
    this.sum += value;
    this.count++;
  }
}

interface Series {
  readonly labels: string;
  readonly counters: Record<string, number>;
  readonly histograms: Readonly<Record<string, Histogram>>;
}

const counterHelp: Readonly<Record<string, string>> = {
  istio_requests_total: 'Requests.',
  istio_tcp_connections_opened_total: 'Connections that were opened.',
  istio_tcp_connections_closed_total: 'Connections that were closed.',
  istio_tcp_sent_bytes_total: 'Bytes sent to clients.',
  istio_tcp_received_bytes_total: 'Bytes received from clients.',
};
const histogramHelp: Readonly<Record<string, string>> = {
  istio_request_duration_milliseconds: 'Duration of requests.',
  istio_request_bytes: 'Size of request bodies.',
  istio_response_bytes: 'Size of response bodies.',
};

export interface RequestMetrics {
  observe(report: Report, side: Side): void;
  render(): string;
}

/**
 * @param maxSeries combinations of labels kept; requests beyond are counted in one place (`palisade_telemetry_overflow_total`), since hosts
 *   and identities come from strangers
 */
export function createRequestMetrics(own: WorkloadName, maxSeries = 2000): RequestMetrics {
  const series = new Map<string, Series>();
  let overflow = 0;
  const seriesOf = (report: Report, side: Side): Series | undefined => {
    const key = labelKey(report, side);
    let found = series.get(key);
    if (found === undefined) {
      if (series.size >= maxSeries) return undefined;
      found = makeSeries(report.kind, labelsOf(report, side, own));
      series.set(key, found);
    }
    return found;
  };
  return {
    observe(report, side) {
      const one = seriesOf(report, side);
      if (one === undefined) {
        overflow++;
        return;
      }
      const { counters, histograms } = one;
      if (report.kind === 'http') {
        counters['istio_requests_total']!++;
        histograms['istio_request_duration_milliseconds']!.observe(report.durationMs);
        histograms['istio_request_bytes']!.observe(report.receivedBytes);
        histograms['istio_response_bytes']!.observe(report.sentBytes);
      } else {
        counters['istio_tcp_connections_opened_total']!++;
        counters['istio_tcp_connections_closed_total']!++;
        counters['istio_tcp_sent_bytes_total']! += report.sentBytes;
        counters['istio_tcp_received_bytes_total']! += report.receivedBytes;
      }
    },
    render() {
      const all = [...series.values()];
      const counters = Object.entries(counterHelp).map(([name, help]) =>
        family(
          name,
          'counter',
          help,
          all.flatMap((one) => (name in one.counters ? [`${name}{${one.labels}} ${one.counters[name]}`] : [])),
        ),
      );
      const histograms = Object.entries(histogramHelp).map(([name, help]) =>
        family(
          name,
          'histogram',
          help,
          all.flatMap((one) => (one.histograms[name] === undefined ? [] : histogramLines(name, one.labels, one.histograms[name]))),
        ),
      );
      const over = family('palisade_telemetry_overflow_total', 'counter', 'Reports with labels beyond the limit.', [
        `palisade_telemetry_overflow_total ${overflow}`,
      ]);
      return [...counters, ...histograms, over].join('');
    },
  };
}

function makeSeries(kind: Report['kind'], labels: Labels): Series {
  const isHttp = kind === 'http';
  const names = Object.keys(counterHelp).filter((name) => name.startsWith('istio_tcp_') !== isHttp);
  return {
    labels: labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(','),
    counters: Object.fromEntries(names.map((name) => [name, 0])),
    histograms: isHttp ? Object.fromEntries(Object.keys(histogramHelp).map((name) => [name, new Histogram()])) : {},
  };
}

function histogramLines(name: string, labels: string, { buckets, sum, count }: Histogram): string[] {
  let below = 0;
  const lines = bounds.map((bound, index) => {
    below += buckets[index]!;
    return `${name}_bucket{${labels},le="${bound}"} ${below}`;
  });
  return [...lines, `${name}_bucket{${labels},le="+Inf"} ${count}`, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`];
}

function family(name: string, type: 'counter' | 'histogram', help: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}

/** Values come from strangers: only what cannot end the quotes or the line. */
function escapeLabel(value: string): string {
  return value.replaceAll(/["\\\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
