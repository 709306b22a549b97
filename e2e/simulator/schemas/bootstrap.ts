/** How a Cluster begins: the section `bootstrap`. */

import { choice, flag, integer, keyOf, list, map, named, object, rule, text, texts } from './build.ts';
import type { Schema } from './schema.ts';

const refs = (): Schema => object({ secretRefs: list(keyOf()), configMapRefs: list(keyOf()) });
const application = (): Record<string, Schema> => ({ database: text(), owner: text(), secret: named() });
const volumeReference = (): Schema =>
  object({ apiGroup: text(), kind: text(), name: text() }, { required: ['kind', 'name'], atomic: true });

/** Rules that tie the locale fields of initdb and Database to their provider. */
export const localeRules = [
  ['builtinLocale', 'builtin'],
  ['icuLocale', 'icu'],
  ['icuRules', 'icu'],
].map(([field = '', provider = '']) =>
  rule(
    `!has(self.${field}) || self.localeProvider == '${provider}'`,
    `${field} is only available when localeProvider is set to \`${provider}\``,
    (self) => {
      if (self[field] === undefined) return true;
      return self.localeProvider === undefined ? 'localeProvider' : self.localeProvider === provider;
    },
  ),
);

/** The section `bootstrap` of a Cluster. */
export const bootstrap = (): Schema =>
  object({
    initdb: object(
      {
        ...application(),
        builtinLocale: text(),
        dataChecksums: flag(),
        encoding: text(),
        icuLocale: text(),
        icuRules: text(),
        import: object(
          {
            type: choice(['microservice', 'monolith']),
            source: object({ externalCluster: text() }, { required: ['externalCluster'] }),
            databases: texts(),
            roles: texts(),
            schemaOnly: flag(),
            pgDumpExtraOptions: texts(),
            pgRestoreExtraOptions: texts(),
            pgRestorePredataOptions: texts(),
            pgRestoreDataOptions: texts(),
            pgRestorePostdataOptions: texts(),
            postImportApplicationSQL: texts(),
          },
          { required: ['databases', 'source', 'type'] },
        ),
        locale: text(),
        localeCType: text(),
        localeCollate: text(),
        localeProvider: text(),
        options: texts(),
        postInitSQL: texts(),
        postInitSQLRefs: refs(),
        postInitApplicationSQL: texts(),
        postInitApplicationSQLRefs: refs(),
        postInitTemplateSQL: texts(),
        postInitTemplateSQLRefs: refs(),
        walSegmentSize: integer({ minimum: 1, maximum: 1024 }),
      },
      { rules: localeRules },
    ),
    pg_basebackup: object({ ...application(), source: text({ minLength: 1 }) }, { required: ['source'] }),
    recovery: object({
      ...application(),
      source: text(),
      backup: object({ name: text(), endpointCA: keyOf() }, { required: ['name'] }),
      volumeSnapshots: object(
        {
          storage: volumeReference(),
          walStorage: volumeReference(),
          tablespaceStorage: map(volumeReference()),
        },
        { required: ['storage'] },
      ),
      recoveryTarget: object({
        backupID: text(),
        exclusive: flag(),
        targetImmediate: flag(),
        targetLSN: text(),
        targetName: text(),
        targetTLI: text(),
        targetTime: text(),
        targetXID: text(),
      }),
    }),
  });
