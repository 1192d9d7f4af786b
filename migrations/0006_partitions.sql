-- Partitions again: what came before its partition moves into it, so that a
-- single line with a wrong time does not keep a day out of order for ever, and
-- dropping one asks each model once and does not read all that goes.

-- Makes the partition of a span, unless it is there. Rows of that span in the
-- default partition move into it; false when they are too many to hold up
-- writers for: then they stay where they are until they are too old.
create or replace function partition_make(
    parent_table text, span_start timestamptz, span_end timestamptz)
returns boolean language plpgsql as $$
declare
    child text := parent_table || '_' || to_char(span_start at time zone 'utc', 'YYYYMMDD');
    other text := parent_table || '_other';
    answer boolean;
begin
    perform pg_advisory_xact_lock(hashtext('lazuli partitions'));
    if exists (select from partitions p where p.name = child) then
        return true;
    end if;
    execute format(
        'select count(*) <= 50000 from (
            select from %I where at >= $1 and at < $2 limit 50001) waiting', other)
        into answer using span_start, span_end;
    if not answer then
        return false;
    end if;
    execute format('create table %I (like %I including defaults including constraints)',
        child, parent_table);
    -- Nothing may come between the move and the partition.
    execute format('lock table %I in access exclusive mode', other);
    execute format(
        'with moved as (delete from %I where at >= $1 and at < $2 returning *)
         insert into %I select * from moved', other, child)
        using span_start, span_end;
    execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent_table, child, span_start, span_end);
    insert into partitions values (parent_table, child, span_start, span_end);
    -- Its size counts as well: what was moved or deleted takes no place.
    execute format('select not exists (select from %I)', other) into answer;
    if answer then
        execute format('truncate %I', other);
    end if;
    return true;
end $$;

-- Drops a partition. The heads learn up to which revision events are gone.
create or replace function partition_drop(child text) returns void language plpgsql as $$
declare
    parent_table text;
begin
    perform pg_advisory_xact_lock(hashtext('lazuli partitions'));
    delete from partitions p where p.name = child returning p.parent into parent_table;
    if parent_table is null then
        return;
    end if;
    if parent_table = 'events' then
        execute format(
            'update heads h set pruned = gone.revision
             from (
                select m.model, (
                    select max(e.revision) from %I e where e.model = m.model) as revision
                from heads m) gone
             where h.model = gone.model and h.pruned < gone.revision', child);
    end if;
    execute format('drop table %I', child);
end $$;
