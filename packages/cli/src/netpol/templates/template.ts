/** Manifests with blanks. Their comments say what each part does. */
export interface Template {
  readonly summary: string;
  /** Names and defaults of what `--set` can fill in, beside the namespace. */
  readonly values: Readonly<Record<string, string>>;
  readonly render: (values: Readonly<Record<string, string>> & { readonly namespace: string }) => string;
}
