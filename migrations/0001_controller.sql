-- The controller, its replicas, and who may use it.
--
-- Ids are made by the callers (UUIDv7), enumerations are text with a check
-- (easier to expand than types of Postgres), times are the database's unless
-- a caller has a reason to give them.

create table controller (
    -- There is one row.
    only_row   boolean     primary key default true check (only_row),
    id         uuid        not null,
    -- A known text, sealed with the controller's key: a replica that cannot
    -- open it has another key and must not start.
    canary     bytea       not null,
    created_at timestamptz not null default now()
);

create table replicas (
    id         uuid        primary key,
    started_at timestamptz not null default now(),
    -- What the replica holds may be taken over after this time.
    expires_at timestamptz not null
);

create table users (
    id           uuid        primary key,
    name         text        not null,
    display_name text        not null default '',
    -- Argon2, in PHC's string form; none for users of an identity provider.
    password     text,
    access       text        not null check (access in ('login', 'superuser')),
    enabled      boolean     not null default true,
    created_at   timestamptz not null default now(),
    constraint users_name_key unique (name)
);

create table tokens (
    id         uuid        primary key,
    user_id    uuid        not null references users on delete cascade,
    sha256     bytea       not null check (length(sha256) = 32),
    label      text        not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    -- To the hour, so that a poll does not become a write.
    used_at    timestamptz,
    constraint tokens_sha256_key unique (sha256)
);

create index tokens_user on tokens (user_id);

create table idempotency (
    -- Who sent the key: keys of different users never meet.
    owner      text        not null,
    key        text        not null,
    -- Of the request; the same key with another request is an error.
    body_hash  bytea       not null,
    -- The answer, once there is one.
    status     smallint,
    answer     jsonb,
    created_at timestamptz not null default now(),
    primary key (owner, key)
);

create index idempotency_created on idempotency (created_at);
