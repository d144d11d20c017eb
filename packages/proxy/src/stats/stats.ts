/** Counters and gauges by Envoy's dotted names. Whoever counts holds the counter, never its name. */
export interface Counter {
  value: number;
}

export class Stats {
  readonly #values = new Map<string, Counter>();
  readonly #gauges = new Set<string>();

  counter(name: string): Counter {
    let counter = this.#values.get(name);
    if (counter === undefined) {
      counter = { value: 0 };
      this.#values.set(name, counter);
    }
    return counter;
  }

  gauge(name: string): Counter {
    this.#gauges.add(name);
    return this.counter(name);
  }

  entries(): [string, number][] {
    return [...this.#values].map(([name, { value }]): [string, number] => [name, value]).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Prometheus text format 0.0.4, named as Envoy names them (`envoy_` and underscores). */
  renderPrometheus(): string {
    return this.entries()
      .map(([name, value]) => {
        const id = `envoy_${name.replace(/[^A-Za-z0-9_]/g, '_')}`;
        return `# TYPE ${id} ${this.#gauges.has(name) ? 'gauge' : 'counter'}\n${id} ${value}\n`;
      })
      .join('');
  }
}
