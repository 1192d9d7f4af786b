-- Storage: instances as users want them, and where they are. What the planner
-- reads is in the documents; nothing is searched for in them.

alter table applications add column storage jsonb not null default '{}';

create table storages (
    model uuid  not null,
    id    uuid  not null,
    name  text  not null,
    body  jsonb not null,
    primary key (model, id),
    constraint storages_name_key unique (model, name)
);

create table storage_states (
    model   uuid  not null,
    storage uuid  not null,
    body    jsonb not null,
    primary key (model, storage)
);
