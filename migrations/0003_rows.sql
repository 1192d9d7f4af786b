-- The rows of a model: what users want, what was decided, what is known.
--
-- There are no foreign keys among them. All writers of a model hold its
-- head's lock, the API checks what it writes under that lock, and the order
-- in which rows go is the planner's: a decision must never be impossible to
-- commit. What must be unique is.

create table charms (
    model    uuid    not null,
    id       uuid    not null,
    url      text    not null,
    name     text    not null,
    revision integer not null check (revision >= 0),
    sha256   text    not null check (sha256 ~ '^[0-9a-f]{64}$'),
    charm    jsonb   not null,
    primary key (model, id),
    constraint charms_url_key unique (model, url)
);

-- Revisions of local charms are never used again.
create table charm_names (
    model         uuid    not null references heads on delete cascade,
    name          text    not null,
    next_revision integer not null check (next_revision >= 0),
    primary key (model, name)
);

create table applications (
    model       uuid        not null,
    id          uuid        not null,
    name        text        not null,
    charm       uuid        not null,
    base        text        not null,
    constraints jsonb       not null,
    config      jsonb       not null,
    exposed     jsonb,
    trust       boolean     not null,
    life        text        not null check (life in ('alive', 'dying', 'dead')),
    force       boolean     not null,
    next_unit   integer     not null check (next_unit >= 0),
    created_at  timestamptz not null,
    primary key (model, id)
);

create unique index applications_name_key on applications (model, name) where life <> 'dead';

create table leaders (
    model         uuid   not null,
    application   uuid   not null,
    unit          uuid,
    granted_until timestamptz,
    settings      jsonb  not null,
    version       bigint not null check (version >= 0),
    primary key (model, application)
);

create table machines (
    model       uuid        not null,
    id          uuid        not null,
    name        text        not null,
    base        text        not null,
    constraints jsonb       not null,
    source      jsonb       not null,
    life        text        not null check (life in ('alive', 'dying', 'dead')),
    force       boolean     not null,
    for_unit    boolean     not null,
    created_at  timestamptz not null,
    primary key (model, id),
    constraint machines_name_key unique (model, name)
);

create table machine_states (
    model          uuid    not null,
    machine        uuid    not null,
    generation     integer not null check (generation >= 0),
    address        inet,
    public_address inet,
    mac            text,
    host_keys      jsonb   not null,
    facts          jsonb,
    unreachable    jsonb,
    failure        jsonb,
    primary key (model, machine)
);

create table units (
    model         uuid        not null,
    id            uuid        not null,
    name          text        not null,
    application   uuid        not null,
    machine       uuid        not null,
    principal     uuid,
    life          text        not null check (life in ('alive', 'dying', 'dead')),
    force         boolean     not null,
    resolve_seq   bigint      check (resolve_seq >= 0),
    resolve_retry boolean,
    created_at    timestamptz not null,
    primary key (model, id),
    constraint units_name_key unique (model, name),
    check ((resolve_seq is null) = (resolve_retry is null))
);

create table unit_states (
    model              uuid    not null,
    unit               uuid    not null,
    hook_seq           bigint  not null check (hook_seq >= 0),
    charm              uuid,
    installed          boolean not null,
    started            boolean not null,
    stopped            boolean not null,
    removed            boolean not null,
    config_seen        text,
    leadership_seen    text    not null check (leadership_seen in ('nothing', 'elected', 'follower')),
    leadership_version bigint  not null check (leadership_version >= 0),
    boot_seen          text,
    error              jsonb,
    resolved           bigint  not null check (resolved >= 0),
    updated_at         timestamptz,
    workload_version   text,
    primary key (model, unit)
);

create table opened_ports (
    model    uuid not null,
    unit     uuid not null,
    endpoint text not null,
    range    text not null,
    primary key (model, unit, endpoint, range)
);

create table relations (
    model      uuid        not null,
    id         uuid        not null,
    number     bigint      not null check (number >= 0),
    endpoints  jsonb       not null,
    life       text        not null check (life in ('alive', 'dying', 'dead')),
    force      boolean     not null,
    created_at timestamptz not null,
    primary key (model, id),
    constraint relations_number_key unique (model, number)
);

create table relation_units (
    model    uuid    not null,
    relation uuid    not null,
    unit     uuid    not null,
    name     text    not null,
    in_scope boolean not null,
    settings jsonb   not null,
    version  bigint  not null check (version >= 0),
    primary key (model, relation, unit)
);

create table relation_applications (
    model       uuid   not null,
    relation    uuid   not null,
    application uuid   not null,
    settings    jsonb  not null,
    version     bigint not null check (version >= 0),
    primary key (model, relation, application)
);

create table relation_seen (
    model       uuid    not null,
    unit        uuid    not null,
    relation    uuid    not null,
    created     boolean not null,
    broken      boolean not null,
    app_version bigint  not null check (app_version >= 0),
    primary key (model, unit, relation)
);

create table remote_seen (
    model    uuid   not null,
    unit     uuid   not null,
    relation uuid   not null,
    remote   uuid   not null,
    version  bigint not null check (version >= 0),
    primary key (model, unit, relation, remote)
);

create table effects (
    model      uuid        not null,
    id         uuid        not null,
    machine    uuid,
    parent     uuid,
    name       text        not null,
    role       text        not null,
    spec       jsonb       not null,
    state      text        not null check (state in
        ('planned', 'sent', 'accepted', 'present', 'deleting', 'gone', 'foreign')),
    -- Of sent, accepted and deleting.
    sent_at    timestamptz,
    operation  text,
    poll_at    timestamptz,
    cloud_id   text,
    failure    jsonb,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (model, id)
);

-- What is sent, frozen before the first try and sealed with the model's data
-- key, so that a repeat sends the same bytes.
create table effect_bodies (
    model  uuid  not null,
    effect uuid  not null,
    sealed bytea not null,
    primary key (model, effect)
);

create table statuses (
    model   uuid        not null,
    kind    text        not null check (kind in
        ('model', 'application', 'workload', 'agent', 'machine', 'instance')),
    -- The nil id for the model itself.
    entity  uuid        not null,
    status  text        not null,
    message text        not null,
    data    jsonb       not null,
    since   timestamptz not null,
    primary key (model, kind, entity)
);

create table status_history (
    id      bigint      generated always as identity primary key,
    model   uuid        not null,
    kind    text        not null,
    entity  uuid        not null,
    status  text        not null,
    message text        not null,
    data    jsonb       not null,
    since   timestamptz not null
);

create index status_history_entity on status_history (model, kind, entity, id);
create index status_history_since on status_history (since);
