-- Pools of storage that users made. Few per model, read with it.

alter table models add column storage_pools jsonb not null default '{}';
