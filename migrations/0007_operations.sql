-- Operations and tasks: actions and commands that users run.
--
-- Tasks that have not ended are part of a model in memory; those that have
-- are here alone, for as long as max-action-results-age and -size say.

-- Operations and tasks are numbered by one counter, from 1, as in Juju.
alter table heads add column next_task bigint not null default 1 check (next_task >= 1);

create table operations (
    model       uuid        not null,
    number      bigint      not null check (number >= 0),
    summary     text        not null,
    action      text        not null,
    parameters  jsonb       not null,
    fail        text        not null,
    enqueued_at timestamptz not null,
    primary key (model, number)
);

create table tasks (
    model           uuid        not null,
    number          bigint      not null check (number >= 0),
    operation       bigint      not null check (operation >= 0),
    receiver_kind   text        not null check (receiver_kind in ('unit', 'machine')),
    receiver        uuid        not null,
    -- Kept beside the id, which outlives nobody.
    receiver_name   text        not null,
    name            text        not null,
    parameters      jsonb       not null,
    parallel        boolean     not null,
    execution_group text        not null,
    status          text        not null check (status in ('pending', 'running', 'aborting',
        'completed', 'failed', 'cancelled', 'aborted', 'error')),
    message         text        not null,
    results         jsonb,
    cancel          boolean     not null,
    boot            text,
    enqueued_at     timestamptz not null,
    started_at      timestamptz,
    completed_at    timestamptz,
    primary key (model, number)
);

create index tasks_live on tasks (model, number) where completed_at is null;
create index tasks_operation on tasks (model, operation);

create table task_logs (
    model   uuid        not null,
    task    bigint      not null check (task >= 0),
    -- Counts the writes of the run, so that one that is reported again is
    -- known.
    n       bigint      not null check (n >= 0),
    at      timestamptz not null,
    message text        not null,
    primary key (model, task, n)
);
