-- Charms and resources, by hash, in chunks that stream.

create table blobs (
    id         bigint      generated always as identity primary key,
    -- None until all chunks are there: an upload takes no transaction, since
    -- one that stays open for minutes would hold up whoever follows events.
    sha256     bytea       unique check (length(sha256) = 32),
    size       bigint      not null default 0 check (size >= 0),
    created_at timestamptz not null default now()
);

create index blobs_unfinished on blobs (created_at) where sha256 is null;

create table blob_chunks (
    blob bigint  not null references blobs on delete cascade,
    n    integer not null check (n >= 0),
    -- 1 MiB, the last one less.
    data bytea   not null,
    primary key (blob, n)
);

-- Archives are compressed already.
alter table blob_chunks alter column data set storage external;
