/** The configuration as it is in force, for people and programs. Secrets are masked. */
import type { LoadedConfig } from './load.ts';
import { settings } from './schema.ts';

export interface EffectiveSetting {
  key: string;
  /** `undefined`: not set, and there is no default. */
  value: unknown;
  /** `default`, or where it was set. */
  origin: string;
}

/** Every setting with its value and origin, in the order of the documentation. */
export function effectiveSettings({ config, origins }: LoadedConfig): EffectiveSetting[] {
  return settings.map(({ key, path, secret }) => {
    const value = path.reduce<unknown>((level, part) => (level as Record<string, unknown>)[part], config);
    return {
      key,
      value: secret && value !== undefined ? '******' : value,
      origin: origins.get(key) ?? 'default',
    };
  });
}
