-- What charms keep at the controller with state-set: a map per unit.
create table charm_states (
    model uuid  not null,
    unit  uuid  not null,
    state jsonb not null,
    primary key (model, unit)
);
