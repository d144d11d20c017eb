/** Shapes the checks of custom resources are made of. */
export const version = (name: string, schema: object, more: object = {}) => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', ...schema } },
  ...more,
});
export const definition = (plural: string, versions: readonly object[], more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.parity.example.com` },
  spec: {
    group: 'parity.example.com',
    scope: 'Namespaced',
    names: { plural, kind: plural[0]!.toUpperCase() + plural.slice(1, -1) },
    versions,
    ...more,
  },
});
export const spec = (properties: object, more: object = {}) => ({ properties: { spec: { type: 'object', properties, ...more } } });
