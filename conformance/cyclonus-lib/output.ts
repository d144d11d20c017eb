/** Reads what `cyclonus generate --mock --noisy` prints: for each step of each case the policies and the table it expects. */

export interface Step {
  readonly case: string;
  readonly tags: readonly string[];
  readonly step: string;
  /** YAML documents. */
  readonly policies: readonly string[];
  readonly expected: readonly {
    readonly from: string;
    readonly to: string;
    readonly protocol: string;
    readonly port: number;
    readonly allowed: boolean;
  }[];
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of the header's first column name the ports, one a line; each cell then holds one mark a port. */
function readTable(lines: readonly string[], port: string): Step['expected'] {
  const isRule = (line: string) => line.startsWith('+');
  const body = lines.slice(1);
  const headerEnd = body.findIndex(isRule);
  const header = body.slice(0, headerEnd).map(cellsOf);
  const columns = header[0]!.slice(1).map((name) => name.toLowerCase());
  const ports = header.map(([name]) => (name === '' ? port : name!));
  return body
    .slice(headerEnd)
    .filter((line) => !isRule(line))
    .map(cellsOf)
    .flatMap(([from = '', ...cells]) =>
      cells.flatMap((cell, column) =>
        cell.split(' ').map((mark, index) => {
          const [protocol = '', number] = ports[index]!.split('/');
          return { from, to: columns[column]!, protocol, port: Number(number), allowed: mark === '.' };
        }),
      ),
    );
}

function readStep(name: string, tags: readonly string[], text: string): Step {
  const lines = text.split('\n');
  // `on port serve-81-tcp, protocol TCP` or `on all available ports/protocols`; the names of its ports are what they say.
  const single = /on port (?:serve-)?(\d+)\S*, protocol (\w+)/.exec(lines[0]!);
  const policies = text
    .slice(0, text.search(/^(Discrepancy found|\d+ wrong|Expected ingress)/m))
    .split(/^Network policy:$/m)
    .slice(1);
  const at = lines.indexOf('Expected combined:');
  const end = lines.findIndex((line, index) => index > at && line !== '' && !/^[+|]/.test(line));
  const table = lines.slice(at + 1, end).filter((line) => line !== '');
  return {
    case: name,
    tags,
    step: lines[0]!.split(' ')[0]!,
    policies,
    expected: readTable(table, single ? `${single[2]}/${single[1]}` : ''),
  };
}

export function readOutput(output: string): Step[] {
  const tags = new Map([...output.matchAll(/^test #\d+: (.*)\n - tags: (.*)$/gm)].map(([, name, list]) => [name!, list!.split(', ')]));
  return output
    .split(/^evaluating test case: /m)
    .slice(1)
    .flatMap((text) => {
      const name = text.slice(0, text.indexOf('\n'));
      const steps = text.split(/^step (?=\d+ on )/m).slice(1);
      return steps.map((step) => readStep(name, tags.get(name) ?? [], step));
    });
}
