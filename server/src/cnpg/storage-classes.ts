/** Which storage class a Cluster's volumes would come from, and whether there is one. */
import type { StorageClass } from './types.ts';

const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

function isDefaultClass(storageClass: StorageClass): boolean {
  return defaultAnnotations.some((name) => storageClass.metadata.annotations?.[name] === 'true');
}

/** What is wrong with the class that is asked for (`undefined`: the cluster's default); `undefined` when nothing is. */
export function storageClassProblem(
  asked: string | undefined,
  classes: readonly StorageClass[],
): { cause: string; remedy: string } | undefined {
  const names = classes.map(({ metadata }) => metadata.name);
  const choice =
    names.length > 0 ? `Use one of ${names.slice(0, 10).join(', ')}` : 'Install a storage provisioner';
  if (asked === undefined) {
    return classes.some(isDefaultClass)
      ? undefined
      : {
          cause: 'No storage class is named, and none is marked as the default.',
          remedy: `${choice}, or mark one as the default.`,
        };
  }
  return names.includes(asked)
    ? undefined
    : { cause: `The storage class ${asked} does not exist.`, remedy: `${choice}, or create ${asked}.` };
}
