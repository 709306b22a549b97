/** Discovery: /version, /api, /apis and the resource lists below them. */

import type { Fields } from '../types.ts';
import type { Machine } from './machine.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';

/** The Kubernetes version that the simulator stands for. */
export const kubernetesVersion = { major: '1', minor: '36', gitVersion: 'v1.36.4' };

const stored = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function resourceList(groupVersion: string, types: readonly ResourceType[]): Fields {
  const resources = types.flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.virtual ? ['create'] : stored,
      ...(type.shortNames === undefined ? {} : { shortNames: type.shortNames }),
    },
    ...type.subresources.map((subresource) => ({
      name: `${type.plural}/${subresource}`,
      singularName: '',
      namespaced: type.namespaced,
      ...(subresource === 'scale'
        ? { group: 'autoscaling', version: 'v1', kind: 'Scale' }
        : { kind: type.kind }),
      verbs: subresource === 'log' ? ['get'] : ['get', 'patch', 'update'],
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function groupEntry(types: readonly ResourceType[]): Fields {
  const versions = [...new Set(types.map((type) => type.version))].map((version) => ({
    groupVersion: `${types[0]?.group}/${version}`,
    version,
  }));
  return { name: types[0]?.group, versions, preferredVersion: versions[0] };
}

/** The answer to a discovery path; undefined when the path is none, or of a group that is not served. */
export function discover(machine: Machine, path: string): Fields | undefined {
  const all = machine.resources.all;
  const parts = path.split('/').filter((part) => part !== '');
  const [root, second, third] = parts;
  if (path === '/version' || path === '/version/') {
    return { ...kubernetesVersion, gitCommit: '', gitTreeState: '', platform: 'linux/amd64' };
  }
  if (root === 'api' && parts.length === 1) {
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  }
  if (root === 'api' && second === 'v1' && parts.length === 2) {
    return resourceList(
      'v1',
      all.filter((type) => type.group === ''),
    );
  }
  if (root !== 'apis') return undefined;
  const groups = [...new Set(all.map((type) => type.group))].filter((group) => group !== '');
  if (parts.length === 1) {
    const entries = groups.map((group) => groupEntry(all.filter((type) => type.group === group)));
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: entries };
  }
  const inGroup = all.filter((type) => type.group === second);
  if (inGroup.length === 0) return undefined;
  if (parts.length === 2) return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(inGroup) };
  const inVersion = inGroup.filter((type) => type.version === third);
  if (parts.length > 3 || inVersion[0] === undefined) return undefined;
  return resourceList(apiVersionOf(inVersion[0]), inVersion);
}
