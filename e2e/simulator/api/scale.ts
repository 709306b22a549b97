/** The `scale` subresource of custom kinds. */

import type { Fields, KubeObject } from '../types.ts';
import { notFound } from './api-error.ts';
import type { Machine, WriteOptions } from './machine.ts';
import { jsonPatch, mergePatch, patchTypes } from './patches.ts';
import { patch, type Target } from './writes.ts';

function at(object: KubeObject, path: string | undefined): unknown {
  let value: unknown = object;
  for (const step of (path ?? '').split('.').filter((each) => each !== '')) {
    value = (value as Fields | undefined)?.[step];
  }
  return value;
}

function scaleOf(object: KubeObject, { type }: Target): Fields {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = at(object, type.scale?.labelSelectorPath);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, type.scale?.specReplicasPath) ?? 0 },
    status: {
      replicas: at(object, type.scale?.statusReplicasPath) ?? 0,
      ...(selector === undefined ? {} : { selector }),
    },
  };
}

/** GET …/scale. */
export function readScale(machine: Machine, target: Target): Fields {
  const object = machine.store.get(target.type, target.namespace, target.name ?? '');
  if (object === undefined) throw notFound(target.type, target.name ?? '');
  return scaleOf(object, target);
}

/** PUT or PATCH …/scale: changes the number of replicas in the spec of the object behind it. */
export function writeScale(
  machine: Machine,
  target: Target,
  contentType: string,
  body: unknown,
  options: WriteOptions,
): Fields {
  const current = readScale(machine, target);
  const proposed = (
    contentType === patchTypes.json
      ? jsonPatch(current, body)
      : contentType === patchTypes.merge
        ? mergePatch(current, body)
        : body
  ) as Fields;
  const [, field = 'replicas'] = (target.type.scale?.specReplicasPath ?? '')
    .split('.')
    .filter((each) => each !== '');
  const resourceVersion = proposed.metadata?.resourceVersion;
  const change = {
    ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
    spec: { [field]: proposed.spec?.replicas },
  };
  const main = { ...target, subresource: undefined };
  const { object } = patch(machine, main, patchTypes.merge, JSON.stringify(change), options);
  return scaleOf(object, target);
}
