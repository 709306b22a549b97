/** What a check of `doctor` is. */
import { cleanText } from '../tools/fence.ts';

/** Every check, by the id under which docs/doctor.md explains it, with the heading that it is shown under. Ids are stable. */
export const checkGroups = {
  listening: 'Settings',
  'sign-in': 'Settings',
  'confirmation-key': 'Settings',
  'cluster-configured': 'Kubernetes',
  'api-reachable': 'Kubernetes',
  'kubernetes-version': 'Kubernetes',
  identity: 'Kubernetes',
  'storage-class': 'Kubernetes',
  'operator-installed': 'CloudNativePG',
  'operator-version': 'CloudNativePG',
  namespace: 'Namespaces',
  'clusters-readable': 'Namespaces',
  'may-install': 'Installation',
  'may-grant': 'Installation',
  rights: 'Rights',
} as const;
export type CheckId = keyof typeof checkGroups;

/** How a check went, and what to do about it. */
export interface Result {
  /**
   * - `warning`: something that is offered will not work, or not well
   * - `failed`: nothing will work, or nothing that looks
   * - `skipped`: not looked at, because of what the message says
   */
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found, with its cause. */
  message: string;
  /** What to do about it. */
  remedy?: string;
}

/** One line of the report. */
export interface Check extends Result {
  id: CheckId;
  group: string;
  /** What was looked at, for a check that is made several times: `get_cluster_status in shop`. */
  subject?: string;
  /** Where the check is explained. */
  documentation: string;
}

const page = 'https://github.com/cnpg-mcp/cnpg-mcp/blob/main/docs/doctor.md';

/** Far above the longest message, which names every right that a person lacks. */
const maxLength = 10_000;

/**
 * Puts a line of the report together. Names of users, groups and clusters are chosen by others: whatever they hold, it stays one
 * line, and a terminal obeys nothing in it.
 */
export function check(id: CheckId, { status, message, remedy }: Result, subject?: string): Check {
  const shown = (text: string): string => cleanText(text.replace(/\s+/gu, ' '), maxLength);
  return {
    id,
    group: checkGroups[id],
    ...(subject !== undefined && { subject: shown(subject) }),
    status,
    message: shown(message),
    ...(remedy !== undefined && { remedy: shown(remedy) }),
    documentation: `${page}#${id}`,
  };
}

/** Below, at or above zero as `a` is older than, the same as or newer than `b`; pre-release marks are not looked at. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] =>
    version
      .replace(/^v/, '')
      .split('.')
      .map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  const at = [0, 1, 2].find((index) => left[index] !== right[index]);
  return at === undefined ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
