import { Environment } from '@marcbachmann/cel-js';
import { registerAddressFunctions } from './functions/addresses.ts';
import { registerListFunctions } from './functions/lists.ts';
import { registerQuantityFunctions } from './functions/quantities.ts';
import { registerTextFunctions } from './functions/texts.ts';
import { registerUrlFunctions } from './functions/urls.ts';

let base: Environment | undefined;

/**
 * CEL with Kubernetes' extension functions (k8s.io/apiserver `cel/library`): URLs, lists, regular expressions, quantities, addresses,
 * sets and strings. What is missing here (named formats, two-variable comprehensions, semver, the authorizer) does not compile, and what does
 * not compile is refused: nothing is skipped.
 *
 * @returns a fresh environment that the caller adds variables to
 */
export function celEnvironment(): Environment {
  if (base === undefined) {
    base = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    registerUrlFunctions(base);
    registerListFunctions(base);
    registerTextFunctions(base);
    registerQuantityFunctions(base);
    registerAddressFunctions(base);
  }
  return base.clone();
}

let names: ReadonlySet<string> | undefined;

/** Every function and method of the environment. `cel.bind` is none: the real server's rules have no bindings. */
export function declaredFunctions(): ReadonlySet<string> {
  names ??= new Set(
    celEnvironment()
      .getDefinitions()
      .functions.map(({ name }) => name)
      .filter((name) => name !== 'bind'),
  );
  return names;
}
