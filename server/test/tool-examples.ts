/** Arguments that are valid for each tool, about what the world of the catalogue's tests holds. A new tool adds its own. */
export const examples: Readonly<Record<string, Record<string, unknown>>> = {
  list_postgres_clusters: {},
  get_cluster_status: { name: 'orders' },
  create_postgres_cluster: { name: 'new-one' },
  scale_postgres_cluster: { name: 'orders', instances: 2 },
  delete_postgres_cluster: { name: 'orders' },
  list_postgres_roles: { cluster_name: 'orders' },
  create_postgres_role: { cluster_name: 'orders', role_name: 'newcomer' },
  update_postgres_role: { cluster_name: 'orders', role_name: 'reporting', createdb: true },
  delete_postgres_role: { cluster_name: 'orders', role_name: 'intern' },
  list_postgres_databases: { cluster_name: 'orders' },
  create_postgres_database: { cluster_name: 'orders', database_name: 'archive', owner: 'reporting' },
  delete_postgres_database: { cluster_name: 'orders', database_name: 'invoices' },
};

/** The same, in the namespace `default`. */
export const exampleOf = ({ name }: { name: string }): Record<string, unknown> => ({
  namespace: 'default',
  ...examples[name],
});
