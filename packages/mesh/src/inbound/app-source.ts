/** Where connections of the proxy to its application come from, by interception: what is let through by that address. */

export type Interception = 'redirect' | 'inline';

/** `redirect`: Istio's marks, exempt in the pod's own rules. `inline`: the proxy's addresses on the link to the application. */
export const appSource: Readonly<Record<Interception, { readonly ipv4: string; readonly ipv6: string }>> = {
  redirect: { ipv4: '127.0.0.6', ipv6: '::6' },
  inline: { ipv4: '169.254.1.2', ipv6: 'fd00:a9fe::2' },
};
