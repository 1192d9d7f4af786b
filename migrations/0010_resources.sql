-- Where charms and resources come from, and what units have of them.

create table charm_sources (
    model       uuid not null,
    application uuid not null,
    channel     text,
    forced      uuid,
    primary key (model, application)
);

create table resources (
    model       uuid        not null,
    application uuid        not null,
    name        text        not null,
    origin      jsonb       not null,
    sha256      text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    fingerprint text        not null check (fingerprint ~ '^[0-9a-f]{96}$'),
    size        bigint      not null check (size >= 0),
    at          timestamptz not null,
    primary key (model, application, name)
);

create table unit_resources (
    model   uuid  not null,
    unit    uuid  not null,
    level   text,
    fetched jsonb not null,
    primary key (model, unit)
);

-- What users sent, or had fetched from the store, for resources. A resource is made of one by its id within
-- the model: knowing the hash of a blob gives nobody its content.
create table uploads (
    model       uuid        not null,
    id          uuid        not null,
    sha256      text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    fingerprint text        not null check (fingerprint ~ '^[0-9a-f]{96}$'),
    size        bigint      not null check (size >= 0),
    filename    text        not null,
    -- Of what came from the store.
    revision    integer     check (revision >= 0),
    username    text        not null,
    created_at  timestamptz not null default now(),
    primary key (model, id)
);

create index uploads_created_at on uploads (created_at);
