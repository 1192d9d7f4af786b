-- Juju's secrets: of charms and of users. (Secrets of the controller's own
-- are in model_secrets.)

create table secrets (
    model uuid  not null,
    -- The 20 letters of Juju's URIs.
    id    text  not null,
    -- Owner, label, rotation, grants and the like; never content.
    body  jsonb not null,
    primary key (model, id)
);

create table secret_revisions (
    model         uuid        not null,
    secret        text        not null,
    revision      integer     not null check (revision >= 1),
    -- Content, sealed with the model's data key.
    sealed        bytea       not null,
    -- Keyed with the data key as well: it tells nothing of the content.
    checksum      text        not null,
    created_at    timestamptz not null,
    expires_at    timestamptz,
    next_expire   timestamptz,
    obsolete_told boolean     not null,
    primary key (model, secret, revision)
);

create table secret_consumers (
    model    uuid    not null,
    unit     uuid    not null,
    secret   text    not null,
    label    text    not null,
    revision integer not null check (revision >= 0),
    told     integer not null check (told >= 0),
    primary key (model, unit, secret)
);
