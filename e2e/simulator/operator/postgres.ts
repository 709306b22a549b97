export * from './postgres-stub.ts';
