-- Spaces: names for subnets of a model's network, that endpoints are bound to
-- and machines have interfaces in. Few per model, read with it.

alter table models add column spaces jsonb not null default '{}';
-- Networks of before have one subnet, which takes all of their range.
update models set spaces = jsonb_build_object('alpha',
    jsonb_build_object('number', 0,
        'subnets', jsonb_build_object(address_range::text, 'default')));

alter table applications add column bindings jsonb not null default '{}';
alter table machines add column spaces jsonb not null default '[]';
alter table machine_states add column interfaces jsonb not null default '[]';
