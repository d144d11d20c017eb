/** Whom the proxy trusts: the bundle that Kubernetes keeps in the pod's file, beside the root of the own certificate. */

/** Every certificate once, in the order of the texts. */
export function joinAnchors(...texts: readonly string[]): string {
  const certificates = texts.flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []);
  return [...new Set(certificates)].map((pem) => `${pem}\n`).join('');
}

export interface AnchorEdges {
  /** @throws while the file is being replaced */
  read(): string;
  /** Runs `action` again and again. */
  every(action: () => void, ms: number): void;
}

/** A ConfigMap's file is replaced by a link, which no watch of the file itself survives. */
const lookMs = 2000;

/** Calls `changed` with each new text; a file that cannot be read, or holds no certificate, changes nothing. */
export function watchAnchors({ read, every }: AnchorEdges, changed: (text: string) => void): void {
  let known = '';
  const look = () => {
    try {
      const text = joinAnchors(read());
      if (text === '' || text === known) return;
      known = text;
      changed(text);
    } catch {
      // The next look finds it.
    }
  };
  look();
  every(look, lookMs);
}
