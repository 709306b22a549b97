/** What a site configures about the tools. */
export interface ToolSettings {
  /** Most instances a cluster may be given. Default 10. */
  maxInstances: number;
  /**
   * PostgreSQL version (major such as `17`, or minor such as `17.2`) to image. A version that is not listed becomes
   * `<defaultImageRepository>:<version>`.
   */
  postgresImages: Readonly<Record<string, string>>;
  /** Default `ghcr.io/cloudnative-pg/postgresql`, the operator's own images. */
  defaultImageRepository: string;
  /** Used when a call names no version. Default `16`, as in the reference system. */
  defaultPostgresVersion: string;
}

export const defaultToolSettings: ToolSettings = {
  maxInstances: 10,
  postgresImages: {},
  defaultImageRepository: 'ghcr.io/cloudnative-pg/postgresql',
  defaultPostgresVersion: '16',
};
