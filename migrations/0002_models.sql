-- Models, their heads and their keys.

-- One row per model, the first that every transaction about the model
-- updates: fence, lock and revision in one. It stays as a tombstone when the
-- model is removed, for as long as its events do.
create table heads (
    model         uuid   primary key,
    -- The replica that holds the model. Raised with the epoch.
    holder        uuid,
    epoch         bigint not null default 0 check (epoch >= 0),
    -- Raised by every commit.
    revision      bigint not null default 0 check (revision >= 0),
    -- Raised by each change of desired state.
    generation    bigint not null default 0 check (generation >= 0),
    -- Events up to this revision are no longer kept.
    pruned        bigint not null default 0 check (pruned >= 0),
    -- Numbers that are never used again.
    next_machine  bigint not null default 0 check (next_machine >= 0),
    next_relation bigint not null default 0 check (next_relation >= 0),
    -- The transaction that moved the head last: the feed's tailer reads the
    -- heads that moved since a snapshot, and no others.
    moved         bigint not null default pg_current_xact_id()::text::bigint,
    removed_at    timestamptz
) with (fillfactor = 50);

create index heads_moved on heads (moved);
create index heads_holder on heads (holder) where removed_at is null;

create table models (
    id              uuid        primary key references heads,
    name            text        not null,
    owner           text        not null,
    controller      uuid        not null,
    cloud           text        not null,
    region          text        not null,
    address_range   cidr        not null,
    config          jsonb       not null,
    constraints     jsonb       not null,
    ssh_key         text        not null,
    authorized_keys jsonb       not null,
    life            text        not null check (life in ('alive', 'dying', 'dead')),
    force           boolean     not null,
    created_at      timestamptz not null,
    constraint models_owner_name_key unique (owner, name),
    -- Routers of different models may share a machine, so ranges never meet.
    constraint models_address_range_excl exclude using gist (address_range inet_ops with &&)
);

create table model_access (
    model   uuid not null references models on delete cascade,
    user_id uuid not null references users on delete cascade,
    access  text not null check (access in ('read', 'write', 'admin')),
    primary key (model, user_id)
);

create index model_access_user on model_access (user_id);

-- A data key per model, wrapped by the controller's key.
create table data_keys (
    model   uuid  primary key references heads on delete cascade,
    wrapped bytea not null
);

-- Sealed with the model's data key: its SSH identity and the like.
create table model_secrets (
    model  uuid  not null references models on delete cascade,
    name   text  not null,
    sealed bytea not null,
    primary key (model, name)
);
