-- Charms and resources, by hash, in chunks that stream.

create table blobs (
    sha256     bytea       primary key check (length(sha256) = 32),
    size       bigint      not null check (size >= 0),
    created_at timestamptz not null default now()
);

create table blob_chunks (
    sha256 bytea   not null references blobs on delete cascade,
    n      integer not null check (n >= 0),
    -- 1 MiB, the last one less.
    data   bytea   not null,
    primary key (sha256, n)
);

-- Archives are compressed already.
alter table blob_chunks alter column data set storage external;
